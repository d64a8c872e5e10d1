"""The app: `streamlit run streamlit_app.py`.

The server reads this file once, outside any session, and finds `app`; each session runs it for the navigation.
"""

from pathlib import Path

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

# File, title, address; a page is offered when its file is there.
PAGES = (
    ("pages/home.py", "Home", "home"),
    ("pages/train.py", "Train", "train"),
    ("pages/explore.py", "Explore", "explore"),
    ("pages/compare.py", "Compare", "compare"),
    ("pages/how_it_works.py", "How it works", "how-it-works"),
)

if get_script_run_ctx(suppress_warning=True) is None:
    from ui import server

    app = st.App(__file__, routes=server.routes(), lifespan=server.lifespan, middleware=server.middleware())
else:
    here = Path(__file__).resolve().parent
    st.set_page_config(page_title="GAN lab", page_icon=str(here / "ui/assets/icon.png"), layout="wide")
    found = [(file, title, address) for file, title, address in PAGES if (here / file).is_file()]
    pages = [st.Page(file, title=title, url_path=path, default=path == "home") for file, title, path in found]
    st.navigation(pages, position="top").run()
