// Many samples laid out by likeness (PCA or t-SNE), each drawn small where it lies and in the colour of its group.

const CLOUD_AGAIN = 400; // milliseconds
const GROUP_COLOURS = ["#e69f00", "#56b4e9", "#00b386", "#f0e442", "#4d8fe0", "#ff7a33", "#e28fc0", "#ffffff", "#a0a0a0", "#b5e08a"];
const LAYOUTS = {
  pca: "By the two directions in which the pixels differ most: an honest shadow, in which groups may lie over each other.",
  tsne: "Neighbours look alike (t-SNE); how far groups lie apart means little.",
};

class Cloud {
  constructor(root, panel) {
    Object.assign(this, { root, panel, sheets: new Map(), found: null });
    root.innerHTML = CLOUD_HTML;
    this.find = (selector) => root.querySelector(selector);
    this.field = this.find(".cloud");
    this.field.onpointerdown = (event) => this.press(event);
    this.field.onpointermove = (event) => this.held && this.moveTo(event);
    this.field.onpointerup = (event) => this.release(event);
    this.field.onpointercancel = () => (this.held = null);
    this.field.onkeydown = (event) => this.key(event);
  }

  // Asks until the map is whole; what there is meanwhile is shown.
  async load(kind) {
    const { engine, state } = this.panel;
    const wish = `${kind} ${state.epoch}`;
    if (this.wish === wish) return this.draw();
    this.wish = wish;
    this.found = null;
    this.tell({ share: 0, seconds_left: null });
    const stale = () => engine !== this.panel.engine || this.wish !== wish;
    try {
      for (let done = false; !done; ) {
        const found = await engine.get("map", { kind, epoch: state.epoch });
        if (stale()) return;
        this.tell(found);
        if (found.places) await this.show(found, state.epoch, stale);
        done = found.done;
        if (!done) await new Promise((rest) => setTimeout(rest, CLOUD_AGAIN));
        if (stale()) return;
        if (!done && this.panel.state.view !== "map") return this.forget();
      }
      this.find(".laid").textContent = LAYOUTS[kind];
    } catch (error) {
      if (stale()) return;
      this.wish = null;
      this.panel.fail(error);
    }
  }

  // Whoever left before the map was whole asks again on coming back.
  forget() {
    this.wish = null;
  }

  tell({ share, seconds_left: left, done }) {
    const bar = this.find("progress");
    bar.value = share;
    bar.style.visibility = done ? "hidden" : "visible";
    const time = left === null || left === undefined ? "" : `, about ${Math.max(1, Math.round(left))} s left`;
    if (!done) this.find(".laid").textContent = `The samples are being drawn and laid out${time}.`;
  }

  async show(found, epoch, stale) {
    if (!this.sheets.has(epoch)) {
      const answer = await checked(await fetch(this.panel.engine.address("map.png", { epoch })));
      const sheet = await createImageBitmap(await answer.blob());
      if (stale()) return;
      this.sheets.clear(); // one at a time: a sheet takes megabytes
      this.sheets.set(epoch, sheet);
    }
    this.found = { ...found, epoch, places: floats(found.places) };
    this.sheet = this.tinted(this.sheets.get(epoch), found.groups);
    this.legend(found);
    this.draw();
  }

  // Gray samples take the colour of their group, colour ones keep their own and get a frame.
  tinted(bitmap, groups) {
    const columns = this.panel.data.limits.samples;
    const cell = bitmap.width / columns;
    const sheet = Object.assign(element("canvas"), { width: bitmap.width, height: bitmap.height });
    const ink = sheet.getContext("2d");
    ink.drawImage(bitmap, 0, 0);
    const gray = this.panel.data.run.channels === 1;
    ink.globalCompositeOperation = gray ? "multiply" : "source-over";
    groups.forEach((group, i) => {
      const box = [(i % columns) * cell, Math.floor(i / columns) * cell, cell, cell];
      ink.fillStyle = ink.strokeStyle = colourOf(group);
      ink.lineWidth = cell / 8;
      if (gray) ink.fillRect(...box);
      else ink.strokeRect(box[0] + cell / 16, box[1] + cell / 16, cell * 0.875, cell * 0.875);
    });
    return sheet;
  }

  draw() {
    if (!this.found) return;
    const { places } = this.found;
    const side = Math.round(Math.min(this.root.clientWidth, 620) * (window.devicePixelRatio || 1));
    if (!side) return;
    const columns = this.panel.data.limits.samples;
    const cell = this.sheet.width / columns;
    const size = (side / 26) * Math.min(Math.max(Math.sqrt(1008 / (places.length / 2)), 1), 1.8);
    Object.assign(this.field, { width: side, height: side });
    const ink = this.field.getContext("2d");
    ink.fillRect(0, 0, side, side);
    if (this.panel.data.run.channels === 1) ink.globalCompositeOperation = "lighten";
    for (let i = 0; i < places.length / 2; i += 1) {
      const from = [(i % columns) * cell, Math.floor(i / columns) * cell, cell, cell];
      ink.drawImage(this.sheet, ...from, places[2 * i] * (side - size), (1 - places[2 * i + 1]) * (side - size), size, size);
    }
    this.mark();
  }

  // The sample that is worked on, where it is one of these and nothing was done to it.
  place() {
    const { point } = this.panel.state;
    const { samples } = this.panel.data.limits;
    const number = point.seed * samples + point.index;
    const plain = tokenOf(point) === tokenOf(freshPoint(point.seed, point.index));
    return plain && number < this.found.places.length / 2 ? number : null;
  }

  mark() {
    const mark = this.find(".mark");
    const number = this.found && this.place();
    mark.hidden = number === null || !this.found;
    if (mark.hidden) return;
    const { places } = this.found;
    const inset = (share) => `${50 + 96 * (share - 0.5)}%`;
    Object.assign(mark.style, { left: inset(places[2 * number]), top: inset(1 - places[2 * number + 1]) });
  }

  press(event) {
    if (!this.found) return;
    this.field.setPointerCapture(event.pointerId);
    this.held = { x: event.clientX, y: event.clientY };
    this.moveTo(event);
  }

  moveTo(event) {
    const box = this.field.getBoundingClientRect();
    const share = (value, size) => (value / size - 0.5) / 0.96 + 0.5;
    this.go(this.nearest(share(event.clientX - box.left, box.width), 1 - share(event.clientY - box.top, box.height)));
  }

  nearest(x, y, allowed = () => true) {
    const { places } = this.found;
    let [best, least] = [null, Infinity];
    for (let i = 0; i < places.length / 2; i += 1) {
      const [dx, dy] = [places[2 * i] - x, places[2 * i + 1] - y];
      const far = Math.hypot(dx, dy);
      if (far < least && allowed(dx, dy, far)) [best, least] = [i, far];
    }
    return best;
  }

  go(number) {
    if (number === null) return;
    const { samples } = this.panel.data.limits;
    this.panel.show(freshPoint(Math.floor(number / samples), number % samples));
    this.mark();
  }

  release(event) {
    if (!this.held) return;
    const from = this.held;
    this.held = null;
    this.panel.letGo(from, event);
    this.panel.settle();
  }

  key(event) {
    if (!this.found) return;
    if (event.key === "Enter") this.panel.keep([this.panel.state.point]);
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!way) return;
    event.preventDefault();
    const from = this.place();
    const [x, y] = from === null ? [0.5, 0.5] : [this.found.places[2 * from], this.found.places[2 * from + 1]];
    this.go(this.nearest(x, y, (dx, dy, far) => far > 0 && dx * way[0] + dy * way[1] > 0.7 * far));
    this.panel.commit();
    this.panel.settle();
  }

  legend({ groups, meaning }) {
    const { run } = this.panel.data;
    const all = [...new Set(groups)].sort((a, b) => a - b);
    const many = all.length > GROUP_COLOURS.length;
    const names = meaning === "asked" ? all.map((group) => run.names[group] ?? group) : all;
    const words = {
      asked: `Coloured by the ${run.noun} that was asked for${many ? "; colours repeat" : ""}`,
      read: "Coloured by the digit that the shipped classifier reads",
      grouped: `Coloured by ${all.length} groups of look-alikes`,
    };
    const count = (this.found.places.length / 2).toLocaleString("en");
    this.find(".lead").textContent = `${count} samples. ${words[meaning]}.`;
    this.field.setAttribute("aria-label", `${count} generated samples laid out by likeness; arrow keys move to the next one, Enter keeps it`);
    const swatches = meaning === "grouped" || many ? [] : all.map((group, i) => {
      const swatch = element("i");
      swatch.style.background = colourOf(group);
      return element("span", {}, swatch, String(names[i]));
    });
    this.find(".legend").replaceChildren(...swatches);
  }
}

function colourOf(group) {
  return GROUP_COLOURS[group % GROUP_COLOURS.length];
}

const CLOUD_HTML = `
  <p class="hint lead"></p>
  <div class="plane"><canvas class="cloud" tabindex="0" role="application"></canvas><span class="mark" aria-hidden="true" hidden></span></div>
  <p class="legend"></p>
  <progress max="1" value="0" aria-label="Progress of the map"></progress><p class="hint laid" role="status"></p>`;
