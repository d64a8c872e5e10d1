"""Compare: two to six runs side by side, at the same epoch or after the same time."""

import streamlit as st

from dcgan import runs
from ui import page
from ui.compare_duel import duel
from ui.compare_view import STYLE, choose, comparison, say_what_to_do

page.style(STYLE)
st.html('<h1 class="lab-title">Compare runs</h1>')
known = runs.list_runs()
compared, axis = choose(known)
if len(compared) < 2:
    say_what_to_do(known)
else:
    comparison(compared, axis, known)
duel(primary=len(compared) < 2)
