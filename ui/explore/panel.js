// The Explore panel: run, epoch and digit above; the image, what moves it, and samples to start from below.

class ExplorePanel extends PanelView {
  constructor(root) {
    super(root);
    this.listen();
    this.picks = new Picks(this.find(".kept"), {
      onWork: (place) => this.workOn(place),
      onMove: (from, to) => this.movePick(from, to),
      onDrop: (place) => this.picked(this.state.picks.toSpliced(place, 1)),
    });
    this.observer = new ResizeObserver(() => this.layout());
    this.observer.observe(root);
  }

  // Called at first and after every rerun; what the panel itself reported comes back and is left alone.
  update(data, setStateValue) {
    this.report = setStateValue;
    const other = !this.data || data.run.name !== this.data.run.name || data.run.version !== this.data.run.version;
    const { epochs } = this.data?.run ?? {};
    this.data = data;
    if (other) this.open();
    else if (epochs.length > data.run.epochs.length) this.data.run.epochs = epochs;
    this.fillRuns();
  }

  open() {
    const { run, state } = this.data;
    this.engine?.close();
    this.engine = new LocalEngine(run, this.data.engine, (drawnBy) => this.engineChanged(drawnBy));
    this.root.dataset.engine = "server";
    this.space = new LatentSpace(run, this.engine);
    this.sharesOf = null;
    this.names = new DirectionNames(this);
    this.state = { ...state, epoch: state.epoch ?? run.epochs.at(-1) };
    this.walk?.close();
    this.walk = new Walk(this.find(".view[data-view=walk]"), this);
    this.nearest = new Nearest(this.find(".nearest"), this);
    this.gallery?.close();
    this.gallery = new Gallery(this);
    this.image = null;
    this.opinion = new Opinion(this.find(".opinion"), this);
    this.tabs = {};
    for (const [view, Tab] of Object.entries({ arithmetic: Arithmetic, map: PlaneMap, time: TimeMachine, draw: Draw })) {
      this.tabs[view] = new Tab(this.find(`.view[data-view=${view}]`), this);
    }
    this.say(this.notice());
    this.build();
    this.layout();
    this.refresh();
    this.commit(true);
    clearInterval(this.poll);
    if (run.active) this.poll = setInterval(() => this.lookForEpochs(), 3000);
  }

  close() {
    this.observer.disconnect();
    clearInterval(this.poll);
    clearTimeout(this.quiet);
    clearTimeout(this.telling);
    this.walk?.close();
    this.gallery?.close();
    this.engine?.close();
  }

  engineChanged(drawnBy) {
    this.root.dataset.engine = drawnBy;
    if (this.engine.trouble) this.say(this.notice());
  }

  listen() {
    const { find } = this;
    find(".run select").onchange = (event) => this.changeRun(event.target.value);
    find(".epoch input").oninput = (event) => this.setEpoch(this.data.run.epochs[Number(event.target.value)]);
    find(".epoch input").onchange = () => this.commit();
    find(".reset").onclick = () => this.reset();
    find(".surprise").onclick = () => this.surprise();
    find(".raw").onchange = (event) => this.showRaw(event.target.checked);
    find(".keep").onclick = () => this.keep([this.shownPoint()]);
    find(".samples input").onchange = (event) => this.setSeed(event.target.value);
    find(".tabs").onclick = (event) => event.target.dataset.view && this.setView(event.target.dataset.view);
    for (const list of [find(".tabs"), find(".digit div")]) list.onkeydown = (event) => alongArrows(event, list);
    find(".ink").onclick = () => {
      localStorage.setItem("lab-white", localStorage.getItem("lab-white") ? "" : "1");
      this.inked();
    };
    this.inked();
  }

  change(change, done = false) {
    Object.assign(this.state.point, change);
    this.tabs.draw.forget();
    const { point } = this.state;
    if (!Object.keys(point.directions).length) point.basis = null;
    if ("truncation" in change || "digit" in change || "blend" in change) this.refreshSmall();
    this.refreshControls();
    this.latest.ask({ ...point });
    if (done) this.commit();
  }

  // Another point while the hand moves; `settle` when it rests.
  show(point) {
    this.state.point = point;
    this.tabs.draw.forget();
    this.refreshControls();
    this.latest.ask({ ...point });
  }

  settle() {
    this.sheet.select(this.state.point.own ? -1 : this.state.point.index);
    this.refreshSmall();
  }

  take(index) {
    const { seed, truncation, digit, blend } = this.state.point;
    const point = freshPoint(seed, index, { truncation, digit, blend });
    if (this.state.view === "walk") {
      this.keep([point]);
      return;
    }
    if (this.state.view === "arithmetic") {
      this.tabs.arithmetic.add(point);
      return;
    }
    this.tabs.draw.forget();
    this.state.point = point;
    this.refresh(false);
    this.commit();
  }

  setSeed(text) {
    const seed = Math.min(Math.max(Math.floor(Number(text)) || 0, 0), this.data.limits.max_seed);
    const { truncation, digit, blend } = this.state.point;
    this.state.point = freshPoint(seed, 0, { truncation, digit, blend });
    this.refresh();
    this.commit();
  }

  surprise() {
    const seed = Math.floor(Math.random() * 10_000);
    const { truncation, digit, blend } = this.state.point;
    this.state.point = freshPoint(seed, Math.floor(Math.random() * this.data.limits.samples), { truncation, digit, blend });
    this.refresh();
    this.commit();
  }

  reset() {
    const { seed, index, digit, own } = this.state.point;
    this.state.point = freshPoint(seed, index, { digit, own });
    this.refresh();
    this.commit();
  }

  setDigit(digit) {
    const { blend } = this.state.point;
    this.change({ digit, blend: digit === null || blend?.[0] === digit ? null : blend }, true);
  }

  async digit() {
    return this.state.point.digit ?? this.space.ownDigit(this.state.point);
  }

  // By a share of what is blended in already or else of `offered`; where that is the chosen digit itself, of another.
  async blendBy(share, offered) {
    const other = this.state.point.blend?.[0] ?? offered;
    const digit = await this.digit();
    await this.blend(other === digit ? (digit + 1) % this.data.run.classes : other, share);
  }

  async blend(other, share, done = false) {
    const digit = await this.digit();
    this.change({ digit, blend: other === null || other === digit || !share ? null : [other, share] }, done);
  }

  setEpoch(epoch) {
    const { state } = this;
    state.point = seenFrom(state.point, state.epoch, epoch);
    state.picks = state.picks.map((pick) => seenFrom(pick, state.epoch, epoch));
    state.epoch = epoch;
    this.refresh();
  }

  setView(view) {
    this.state.view = view;
    this.refresh(false);
    this.walk.refresh();
    this.tabs[view]?.refresh();
    this.commit();
  }

  shownPoint() {
    return this.tabs[this.state.view]?.result || this.state.point;
  }

  keep(points) {
    const all = [...this.state.picks, ...structuredClone(points)];
    const { max_picks: most } = this.data.limits;
    this.picked(all.slice(0, most));
    if (all.length > most) this.say(`There is room for ${most} picks; remove one to keep another.`);
  }

  // On a map: a press that did not travel keeps what is under it, one that did has moved the point.
  letGo(from, event) {
    if (Math.hypot(event.clientX - from.x, event.clientY - from.y) > 6) this.commit();
    else this.keep([this.state.point]);
  }

  keepRandom(count) {
    const places = [...Array(this.data.limits.samples).keys()].sort(() => Math.random() - 0.5).slice(0, count);
    const { seed, truncation, digit } = this.state.point;
    this.keep(places.map((index) => freshPoint(seed, index, { truncation, digit })));
  }

  movePick(from, to) {
    const rest = this.state.picks.toSpliced(from, 1);
    this.picked(rest.toSpliced(to, 0, this.state.picks[from]));
  }

  workOn(place) {
    this.workAt(structuredClone(this.state.picks[place]));
  }

  workAt(point) {
    this.state.point = point;
    this.state.view = "sliders";
    this.refresh();
    this.commit();
  }

  picked(picks) {
    this.state.picks = picks;
    this.refreshSmall();
    this.walk.refresh();
    this.commit();
  }

  changeRun(name) {
    const { seed, index, truncation } = this.state.point;
    sessionStorage.setItem(`explore:${this.data.run.name}`, queryOf(this.data.run, this.state));
    const start = `run=${encodeURIComponent(name)}&at=${tokenOf(freshPoint(seed, index, { truncation }))}`;
    clearTimeout(this.telling);
    this.tell(sessionStorage.getItem(`explore:${name}`) ?? start);
  }

  showRaw(on) {
    this.find(".raw").checked = on;
    this.find(".directions").hidden = on;
    this.find(".coordinates").hidden = !on;
    this.refreshControls();
  }

  async lookForEpochs() {
    const { engine } = this;
    const found = await engine.get("epochs").catch(() => null);
    if (!found || engine !== this.engine) return;
    this.data.run.epochs = found.epochs;
    this.refreshControls();
    if (!found.active) clearInterval(this.poll);
  }

  // Writes the state into the address for links and reloads, and tells the page, so that other pages and back keep it.
  commit(quietly = false) {
    const query = queryOf(this.data.run, this.state);
    history.replaceState(history.state, "", `${location.pathname}?${query}${location.hash}`);
    clearTimeout(this.telling);
    if (quietly) this.reported = query;
    else this.telling = setTimeout(() => this.tell(query), 250); // a held key is told once
  }

  tell(query) {
    if (query === this.reported) return;
    this.reported = query;
    this.report("query", query);
  }
}

function alongArrows(event, list) {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const items = [...list.children];
  const to = items[items.indexOf(event.target) + step];
  if (!step || !to) return;
  event.preventDefault();
  to.focus();
  to.click();
}

const panels = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".lab");
  if (!panels.has(root)) panels.set(root, new ExplorePanel(root));
  const panel = panels.get(root);
  panel.update(data, setStateValue);
  return () => {
    panel.close();
    panels.delete(root);
  };
}
