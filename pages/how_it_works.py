"""How it works: the two networks layer by layer, their game step by step, ways to fail, every word the app uses."""

import streamlit as st

from ui import page
from ui.how_view import STYLE, choose_part

page.style(STYLE)
st.html('<h1 class="lab-title">How it works</h1>')
choose_part()
