// What the Explore panel looks like for its state; what people do to it is in panel.js.

class PanelView {
  constructor(root) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    this.latest = new Latest((wish) => this.paintPoint(wish));
    this.latestSheet = new Latest(() => this.paintSmall());
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
    this.inked();
    this.find(".samples h4").textContent = `${limits.samples} samples`;
    this.find(".samples input").max = limits.max_seed;
    this.buildDigits(run.classes);
    this.showRaw(Object.keys(this.state.point.coordinates).length > 0);
  }

  buildDigits(classes) {
    this.find(".digit").hidden = !classes;
    this.find(".digit span").textContent = this.data.run.noun;
    this.chosen = null;
    if (!classes) return;
    const inARow = fitsARow(this.data.run);
    const words = { role: inARow ? "radiogroup" : "group", "aria-label": `The ${this.data.run.noun} to draw` };
    setAttributes(this.find(".digit div"), words);
    if (!inARow) {
      this.chosen = new ConditionButton(this, "Drawn", (digit) => this.setDigit(digit), true);
      this.find(".digit div").replaceChildren(this.chosen.root);
      return;
    }
    const names = [...Array(classes).keys(), null];
    this.find(".digit div").replaceChildren(...names.map((digit) => {
      const textContent = digit === null ? "any" : (this.data.run.names[digit] ?? digit);
      const button = element("button", { type: "button", textContent, onclick: () => this.setDigit(digit) });
      button.setAttribute("role", "radio");
      button.dataset.digit = digit ?? "any";
      return button;
    }));
  }

  showDigit(digit) {
    if (this.chosen) {
      this.chosen.value = digit;
      return;
    }
    for (const button of this.find(".digit div").children) {
      const on = button.dataset.digit === String(digit ?? "any");
      setAttributes(button, { "aria-checked": on, tabindex: on ? 0 : -1 });
    }
  }

  fillRuns() {
    const options = this.data.runs.map(({ name, title, ready }) =>
      element("option", { value: name, disabled: !ready, textContent: ready ? title : `${title} (no generator yet)` }));
    this.find(".run select").replaceChildren(...options);
    this.find(".run select").value = this.data.run.name;
  }

  inked() {
    const gray = this.data?.run.channels !== 3; // the negative of a colour image is another image
    const white = gray && Boolean(localStorage.getItem("lab-white"));
    this.find(".ink").hidden = !gray;
    this.root.classList.toggle("white", white);
    this.find(".ink").setAttribute("aria-pressed", String(white));
    this.find(".ink").textContent = white ? "white on black" : "black on white";
  }

  refresh(all = true) {
    this.showView();
    this.refreshControls();
    this.latest.ask({ ...this.state.point });
    this.sheet.select(this.state.point.own ? -1 : this.state.point.index);
    if (all) {
      this.refreshSmall();
      this.walk.refresh();
    } else {
      this.tabs[this.state.view]?.refresh();
    }
  }

  showView() {
    const walking = this.state.view === "walk";
    const adding = { walk: "click to add to the walk", arithmetic: "click to add to the group" };
    this.find(".samples .hint").textContent = adding[this.state.view] ?? "click one to work on it";
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
    setText(find(".epoch output"), `${state.epoch} of ${epochs.at(-1)}`);
    setAttributes(find(".epoch input"), { "aria-valuetext": `epoch ${state.epoch} of ${epochs.at(-1)}` });
    if (this.root.activeElement !== find(".samples input")) find(".samples input").value = point.seed;
    this.directions.forEach((row, i) => row.set(point.directions[i] ?? 0, point.directions[i]));
    this.truncation.set(point.truncation, point.truncation !== 100);
    this.blendRow?.set(point.blend?.[1] ?? 0, point.blend);
    if (point.blend) this.blendRow.other.value = point.blend[0];
    this.showDigit(point.digit);
    find(".png").href = this.engine.address("image.png", { epoch: state.epoch, at: tokenOf(this.shownPoint()) });
    this.nearest.show(`${state.epoch} ${tokenOf(this.shownPoint())}`);
    for (const link of this.root.querySelectorAll(".take a")) {
      setAttributes(link, { href: this.engine.address("take", { format: link.dataset.format, epoch: state.epoch }) });
    }
    this.refreshCoordinates();
    this.refreshShares();
  }

  rename() {
    const { names } = this;
    this.directions.forEach((row, i) => row.rename(names.name(i), names.full(i), names.words(i)));
    for (const tab of [this.tabs.map, this.tabs.time]) tab.rename();
  }

  async refreshCoordinates() {
    if (this.find(".coordinates").hidden) return;
    const { point, epoch } = this.state;
    const z = await this.space.z(point, epoch).catch(() => null); // the big image tells what is wrong
    if (!z || point !== this.state.point) return;
    this.coordinates.forEach((row, i) => {
      if (!row.input.matches(":active")) row.set(Math.round(z[i] * 100), i in point.coordinates);
    });
  }

  async refreshShares() {
    const basis = this.state.point.basis ?? this.state.epoch;
    const raw = !this.find(".coordinates").hidden;
    const whose = basis === this.state.epoch ? "" : ` of epoch ${basis}`;
    setText(this.find(".basis"), raw
      ? "Each number of z by itself; most were drawn between −2 and 2"
      : `Strongest directions${whose} first; % of the first layer's variance`);
    if (basis === this.sharesOf) return;
    this.sharesOf = basis;
    this.names.ask(basis, () => this.rename());
    this.rename();
    const { shares } = await this.space.directions(basis).catch(() => ({ shares: [] }));
    shares.forEach((share, i) => {
      const percent = `${(100 * share).toFixed(0)} %`;
      this.directions[i].describe(percent, `${percent} of the first layer's variance`);
    });
  }

  // Small images follow a moment after the big one, so that they never hold it up.
  refreshSmall() {
    clearTimeout(this.quiet);
    this.picks.show(this.state.picks.length);
    this.tabs[this.state.view]?.refresh();
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
      this.say(this.notice());
      this.root.dataset.state = "ready";
      if (this.state.view === "walk" && this.walk.pixels && this.state.picks.length > 1) return;
      if (this.tabs[this.state.view]?.result) return; // it shows what it made
      this.showFrame(pixels, 0, await this.words(point));
    } catch (error) {
      this.fail(error);
    } finally {
      clearTimeout(waiting);
    }
  }

  // `condition` is that of the image where no point stands for it.
  showFrame(pixels, at, words, condition = null) {
    const canvas = this.find(".big");
    paint(canvas, pixels, this.data.run, at);
    const { size, channels } = this.data.run;
    const area = size * size * channels;
    const point = this.shownPoint();
    const told = () => condition ?? this.space.condition(point);
    this.image = { pixels: pixels.slice(at * area, (at + 1) * area), words, condition: told };
    this.opinion.look();
    setAttributes(canvas, { "aria-label": `Generated image: ${words}`, "data-shown": words });
    setText(this.find(".what"), words);
    setAttributes(this.find(".what"), { title: words });
  }

  async words(point) {
    const parts = [point.own ? "a z of its own" : `sample ${point.index + 1}, seed ${point.seed}`];
    if (this.data.run.classes) {
      const digit = point.digit ?? (await this.space.ownDigit(point));
      const { run } = this.data;
      const name = (number) => (run.noun === "digit" ? number : conditionName(run, number));
      const [other, share] = point.blend ?? [];
      parts.push(point.blend ? `${100 - share} % ${name(digit)}, ${share} % ${name(other)}` : conditionName(run, digit));
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
      this.picks.canvases().slice(0, points.length - samples.length)
        .forEach((canvas, i) => paint(canvas, pixels, data.run, samples.length + i));
    } catch (error) {
      this.fail(error);
    }
  }

  layout() {
    if (!this.data) return;
    const { size } = this.data.run;
    const wide = this.root.clientWidth;
    const narrow = wide < 700;
    const beside = Math.min(wide * (wide < 1000 ? 0.48 : 0.38), Math.max(280, window.innerHeight - 270));
    const room = narrow ? Math.min(wide, window.innerHeight * 0.3) : beside;
    this.root.style.setProperty("--big", `${crispSide(size, room)}px`);
    const small = crispSide(size, narrow ? (wide - 5) / 6 : 58);
    this.root.style.setProperty("--small", `${small}px`);
    this.root.style.setProperty("--shrunk", size > small * (window.devicePixelRatio || 1) ? "auto" : "pixelated");
    this.root.classList.toggle("narrow", narrow);
    this.root.classList.toggle("middle", !narrow && wide < 1000);
    this.root.classList.toggle("small", wide >= 1000 && wide < 1250);
  }

  notice() {
    return this.data.notice || this.engine.trouble;
  }

  say(sentence) {
    setText(this.find(".problem"), sentence ?? "");
  }

  fail(error) {
    this.root.dataset.state = "failed";
    this.say(error instanceof TypeError ? "The server does not answer; what you see is from before." : error.message);
  }
}
