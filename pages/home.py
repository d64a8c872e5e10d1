"""Home: digits being drawn, what a GAN is, two doors."""

import streamlit as st

from ui import page
from ui.home import doors, film_run, what_a_gan_is
from ui.reel import reel

page.style()
run = film_run()
left, right = st.columns([5, 6], gap="large", vertical_alignment="center")
with left:
    if run:
        reel(run)
    else:
        st.info("Nothing has been trained here yet. Open Train and press Start: the first digits come within a minute.")
with right:
    what_a_gan_is(run)
    doors()
