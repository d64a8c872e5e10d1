// The Explore panel: run, epoch and digit above; the image, what moves it, and samples to start from below.

class ExplorePanel {
  constructor(root) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    this.latest = new Latest((wish) => this.paintPoint(wish));
    this.latestSheet = new Latest((stamp) => this.paintSmall(stamp));
    this.listen();
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
    this.engine = new ServerEngine(run);
    this.space = new LatentSpace(run, this.engine);
    this.sharesOf = null;
    this.state = { ...state, epoch: state.epoch ?? run.epochs.at(-1) };
    this.walk?.close();
    this.walk = new Walk(this.find(".view[data-view=walk]"), this);
    this.say(this.data.notice);
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
    this.walk?.close();
  }

  build() {
    const { run, limits } = this.data;
    this.sheet = new Sheet(this.find(".sheet"), limits.samples, (index) => this.take(index));
    this.directions = directionRows(this, Math.min(limits.directions, run.latent));
    this.coordinates = coordinateRows(this);
    this.truncation = truncationRow(this);
    this.blendRow = run.classes ? blendRow(this) : null;
    this.find(".directions").replaceChildren(...this.directions.map((row) => row.root));
    this.find(".coordinates").replaceChildren(...this.coordinates.map((row) => row.root));
    this.find(".own").replaceChildren(...[this.blendRow, this.truncation].filter(Boolean).map((row) => row.root));
    this.find(".samples h4").textContent = `${limits.samples} samples`;
    this.find(".samples input").max = limits.max_seed;
    this.buildDigits(run.classes);
    this.showRaw(Object.keys(this.state.point.coordinates).length > 0);
  }

  buildDigits(classes) {
    this.find(".digit").hidden = !classes;
    const names = [...Array(classes).keys(), null];
    this.find(".digit div").replaceChildren(...names.map((digit) => {
      const button = element("button", { type: "button", textContent: digit ?? "any", onclick: () => this.setDigit(digit) });
      button.setAttribute("role", "radio");
      button.dataset.digit = digit ?? "any";
      return button;
    }));
  }

  fillRuns() {
    const options = this.data.runs.map(({ name, title, ready }) =>
      element("option", { value: name, disabled: !ready, textContent: ready ? title : `${title} (no generator yet)` }));
    this.find(".run select").replaceChildren(...options);
    this.find(".run select").value = this.data.run.name;
  }

  listen() {
    const { find } = this;
    find(".run select").onchange = (event) => this.changeRun(event.target.value);
    find(".epoch input").oninput = (event) => this.setEpoch(this.data.run.epochs[Number(event.target.value)]);
    find(".epoch input").onchange = () => this.commit();
    find(".reset").onclick = () => this.reset();
    find(".surprise").onclick = () => this.surprise();
    find(".raw").onchange = (event) => this.showRaw(event.target.checked);
    find(".keep").onclick = () => this.keep([{ ...this.state.point }]);
    find(".samples input").onchange = (event) => this.setSeed(event.target.value);
    find(".tabs").onclick = (event) => event.target.dataset.view && this.setView(event.target.dataset.view);
    for (const list of [find(".tabs"), find(".digit div")]) list.onkeydown = (event) => alongArrows(event, list);
    find(".ink").onclick = () => {
      localStorage.setItem("lab-white", localStorage.getItem("lab-white") ? "" : "1");
      this.inked();
    };
    this.inked();
  }

  inked() {
    const white = Boolean(localStorage.getItem("lab-white"));
    this.root.classList.toggle("white", white);
    this.find(".ink").setAttribute("aria-pressed", String(white));
    this.find(".ink").textContent = white ? "white on black" : "black on white";
  }

  // --- what people do -----------------------------------------------------------------------------------------

  change(change, done = false) {
    Object.assign(this.state.point, change);
    const { point } = this.state;
    if (!Object.keys(point.directions).length) point.basis = null;
    if ("truncation" in change || "digit" in change || "blend" in change) this.refreshSmall();
    this.refreshControls();
    this.latest.ask({ ...point });
    if (done) this.commit();
  }

  take(index) {
    const { seed, truncation, digit, blend } = this.state.point;
    const point = freshPoint(seed, index, { truncation, digit, blend });
    if (this.state.view === "walk") {
      this.keep([point]);
      return;
    }
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
    const { seed, index, digit } = this.state.point;
    this.state.point = freshPoint(seed, index, { digit });
    this.refresh();
    this.commit();
  }

  setDigit(digit) {
    const { blend } = this.state.point;
    this.change({ digit, blend: digit === null || blend?.[0] === digit ? null : blend }, true);
  }

  async blend(other, share, done = false) {
    const digit = this.state.point.digit ?? (await this.space.ownDigit(this.state.point));
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
    this.commit();
  }

  keep(points) {
    const { state } = this;
    state.picks = [...state.picks, ...structuredClone(points)].slice(-this.data.limits.max_picks);
    this.picked();
  }

  async keepRandom(count) {
    const places = [...Array(this.data.limits.samples).keys()].sort(() => Math.random() - 0.5).slice(0, count);
    const { seed, truncation, digit } = this.state.point;
    this.keep(places.map((index) => freshPoint(seed, index, { truncation, digit })));
  }

  picked() {
    this.refreshPicks();
    this.walk.refresh();
    this.commit();
  }

  changeRun(name) {
    const { seed, index, truncation } = this.state.point;
    sessionStorage.setItem(`explore:${this.data.run.name}`, queryOf(this.data.run, this.state));
    const start = `run=${encodeURIComponent(name)}&at=${tokenOf(freshPoint(seed, index, { truncation }))}`;
    this.report("query", sessionStorage.getItem(`explore:${name}`) ?? start);
  }

  showRaw(on) {
    this.find(".raw").checked = on;
    this.find(".directions").hidden = on;
    this.find(".coordinates").hidden = !on;
    this.refreshControls();
  }

  // --- what they see ------------------------------------------------------------------------------------------

  refresh(all = true) {
    this.showView();
    this.refreshControls();
    this.latest.ask({ ...this.state.point });
    this.sheet.select(this.state.point.index);
    if (all) {
      this.refreshSmall();
      this.walk.refresh();
    }
  }

  showView() {
    const walking = this.state.view === "walk";
    this.find(".samples .hint").textContent = walking ? "click to add to the walk" : "click one to work on it";
    this.find(".keep").hidden = walking;
    for (const part of this.root.querySelectorAll("[data-view]")) {
      const on = part.dataset.view === this.state.view;
      if (part.role !== "tab") part.hidden = !on;
      else Object.assign(part, { ariaSelected: String(on), tabIndex: on ? 0 : -1 });
    }
  }

  refreshControls() {
    const { state, find, data } = this;
    const { point } = state;
    const { epochs } = data.run;
    find(".epoch input").max = epochs.length - 1;
    find(".epoch input").value = epochs.indexOf(state.epoch);
    find(".epoch input").disabled = epochs.length < 2;
    find(".epoch output").textContent = `${state.epoch} of ${epochs.at(-1)}`;
    find(".epoch input").setAttribute("aria-valuetext", `epoch ${state.epoch} of ${epochs.at(-1)}`);
    if (this.root.activeElement !== find(".samples input")) find(".samples input").value = point.seed;
    this.directions.forEach((row, i) => row.set(point.directions[i] ?? 0, point.directions[i]));
    this.truncation.set(point.truncation, point.truncation !== 100);
    this.blendRow?.set(point.blend?.[1] ?? 0, point.blend);
    if (point.blend) this.blendRow.other.value = point.blend[0];
    for (const button of find(".digit div").children) {
      const on = button.dataset.digit === String(point.digit ?? "any");
      Object.assign(button, { ariaChecked: String(on), tabIndex: on ? 0 : -1 });
    }
    find(".png").href = this.engine.address("image.png", { epoch: state.epoch, at: tokenOf(point) });
    this.refreshCoordinates();
    this.refreshShares();
  }

  async refreshCoordinates() {
    if (this.find(".coordinates").hidden) return;
    const { point, epoch } = this.state;
    const z = await this.space.z(point, epoch);
    if (point !== this.state.point) return;
    this.coordinates.forEach((row, i) => row.input.matches(":active") || row.set(Math.round(z[i] * 100), i in point.coordinates));
  }

  async refreshShares() {
    const basis = this.state.point.basis ?? this.state.epoch;
    const raw = !this.find(".coordinates").hidden;
    const whose = basis === this.state.epoch ? "" : ` of epoch ${basis}`;
    this.find(".basis").textContent = raw
      ? "Each number of z by itself; most were drawn between −2 and 2"
      : `Strongest directions${whose} first; % of the first layer's variance`;
    if (basis === this.sharesOf) return;
    this.sharesOf = basis;
    const { shares } = await this.space.directions(basis).catch(() => ({ shares: [] }));
    shares.forEach((share, i) => {
      const percent = `${(100 * share).toFixed(0)} %`;
      this.directions[i].describe(percent, `${percent} of the first layer's variance`);
    });
  }

  // Small images follow a moment after the big one, so that they never hold it up.
  refreshSmall() {
    clearTimeout(this.quiet);
    this.refreshPicks(false);
    this.quiet = setTimeout(() => this.latestSheet.ask(), 120);
  }

  async paintPoint(point) {
    const { engine } = this;
    const { epoch } = this.state;
    const waiting = setTimeout(() => this.say("The generator is being loaded."), 800);
    try {
      const pixels = await engine.draw(epoch, await this.space.rows([point], epoch));
      if (engine !== this.engine) return;
      this.pixels = pixels;
      this.say(this.data.notice);
      this.root.dataset.state = "ready";
      if (this.state.view === "walk" && this.walk.pixels && this.state.picks.length > 1) return;
      this.showFrame(pixels, 0, await this.words(point));
    } catch (error) {
      this.fail(error);
    } finally {
      clearTimeout(waiting);
    }
  }

  showFrame(pixels, at, words) {
    const canvas = this.find(".big");
    paint(canvas, pixels, this.data.run, at);
    canvas.setAttribute("aria-label", `Generated image: ${words}`);
    canvas.dataset.shown = words;
    Object.assign(this.find(".what"), { textContent: words, title: words });
  }

  async words(point) {
    const parts = [`sample ${point.index + 1}, seed ${point.seed}`];
    if (this.data.run.classes) {
      const digit = point.digit ?? (await this.space.ownDigit(point));
      parts.push(point.blend ? `${100 - point.blend[1]} % ${digit}, ${point.blend[1]} % ${point.blend[0]}` : `digit ${digit}`);
    }
    const moved = Object.keys(point.directions).length + Object.keys(point.coordinates).length;
    if (moved) parts.push(moved === 1 ? "1 slider moved" : `${moved} sliders moved`);
    return parts.join(" · ");
  }

  async paintSmall() {
    const { state, data, space, engine } = this;
    const { seed, truncation, digit, blend } = state.point;
    const samples = Array.from({ length: data.limits.samples }, (_, i) => freshPoint(seed, i, { truncation, digit, blend }));
    const points = [...samples, ...state.picks];
    try {
      const pixels = await engine.draw(state.epoch, await space.rows(points, state.epoch));
      if (engine !== this.engine) return;
      this.sheet.show(pixels, data.run, await Promise.all(samples.map((point) => this.words(point))));
      const kept = [...this.find(".kept").querySelectorAll("canvas")];
      if (kept.length === state.picks.length) kept.forEach((canvas, i) => paint(canvas, pixels, data.run, samples.length + i));
    } catch (error) {
      this.fail(error);
    }
  }

  refreshPicks(draw = true) {
    const { picks } = this.state;
    const holder = this.find(".kept");
    while (holder.children.length > picks.length) holder.lastChild.remove();
    while (holder.children.length < picks.length) holder.append(this.pickTile());
    [...holder.children].forEach((item, place) => {
      item.firstChild.onclick = () => this.workOn(place);
      item.firstChild.setAttribute("aria-label", `Pick ${place + 1}: work on it`);
      item.lastChild.onclick = () => this.drop(place);
      item.lastChild.setAttribute("aria-label", `Remove pick ${place + 1}`);
    });
    if (draw) this.refreshSmall();
  }

  pickTile() {
    return element("div", { className: "pick" }, tile().button, element("button", { type: "button", className: "drop", textContent: "×" }));
  }

  workOn(place) {
    this.state.point = structuredClone(this.state.picks[place]);
    this.state.view = "sliders";
    this.refresh();
    this.commit();
  }

  drop(place) {
    this.state.picks = this.state.picks.filter((_, i) => i !== place);
    this.picked();
  }

  async lookForEpochs() {
    const { engine } = this;
    const found = await engine.get("epochs").catch(() => null);
    if (!found || engine !== this.engine) return;
    this.data.run.epochs = found.epochs;
    this.refreshControls();
    if (!found.active) clearInterval(this.poll);
  }

  // --- keeping house ------------------------------------------------------------------------------------------

  layout() {
    if (!this.data) return;
    const { size } = this.data.run;
    const wide = this.root.clientWidth;
    const narrow = wide < 700;
    const room = narrow ? Math.min(wide, window.innerHeight * 0.36) : Math.min(wide * (wide < 1000 ? 0.48 : 0.38), Math.max(280, window.innerHeight - 270));
    this.root.style.setProperty("--big", `${crispSide(size, room)}px`);
    this.root.style.setProperty("--small", `${crispSide(size, narrow ? (wide - 5) / 6 : 58)}px`);
    this.root.classList.toggle("narrow", narrow);
    this.root.classList.toggle("middle", !narrow && wide < 1000);
    this.root.classList.toggle("small", wide >= 1000 && wide < 1250);
  }

  // Writes the state into the address and tells the page, so that links, reloads and page changes keep it.
  commit(quietly = false) {
    const query = queryOf(this.data.run, this.state);
    history.replaceState(history.state, "", `${location.pathname}?${query}${location.hash}`);
    if (!quietly && query !== this.reported) this.report("query", query);
    this.reported = query;
  }

  say(sentence) {
    this.find(".problem").textContent = sentence ?? "";
  }

  fail(error) {
    this.root.dataset.state = "failed";
    this.say(error instanceof TypeError ? "The server does not answer; what you see is from before." : error.message);
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
