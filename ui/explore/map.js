// A plane through z around the image you work on, spanned by two directions, drawn as a field of digits; or a cloud of
// many samples (cloud.js).

const FIELD = { least: 7, most: 13 }; // digits a side, an odd number so that one lies in the middle

class PlaneMap {
  constructor(root, panel) {
    Object.assign(this, { root, panel, drawn: "" });
    this.latest = new Latest(() => this.draw());
    root.innerHTML = MAP_HTML;
    this.find = (selector) => root.querySelector(selector);
    this.field = this.find(".field");
    this.cloud = new Cloud(this.find(".samples-map"), panel);
    this.rename();
    for (const way of root.querySelectorAll("[name=layout]")) way.onchange = () => this.layOut(way.value);
    [".across", ".up"].forEach((name, which) => {
      const choice = this.find(name);
      choice.onchange = () => this.turn(which, Number(choice.value));
    });
    this.field.onpointerdown = (event) => this.press(event);
    this.field.onpointermove = (event) => this.held && this.moveTo(event);
    this.field.onpointerup = (event) => this.release(event);
    this.field.onpointercancel = () => (this.held = null);
    this.field.onkeydown = (event) => this.key(event);
  }

  rename() {
    for (const name of [".across", ".up"]) fillDirections(this.find(name), this.panel);
  }

  layOut(layout) {
    this.panel.state.layout = layout;
    this.panel.commit();
    this.refresh();
  }

  turn(which, number) {
    const { state } = this.panel;
    const axes = [...state.axes];
    if (axes[1 - which] === number) axes[1 - which] = axes[which];
    axes[which] = number;
    state.axes = axes;
    this.panel.commit();
    this.refresh();
  }

  press(event) {
    this.field.setPointerCapture(event.pointerId);
    this.held = { x: event.clientX, y: event.clientY };
    this.moveTo(event);
  }

  moveTo(event) {
    const box = this.field.getBoundingClientRect();
    const { reach } = this.panel.data.limits;
    const share = (value, size) => Math.min(Math.max((value / size) * 2 - 1, -1), 1);
    this.go(reach * share(event.clientX - box.left, box.width), -reach * share(event.clientY - box.top, box.height));
  }

  release(event) {
    if (!this.held) return;
    const from = this.held;
    this.held = null;
    this.panel.letGo(from, event);
  }

  key(event) {
    const step = { ArrowLeft: [-10, 0], ArrowRight: [10, 0], ArrowUp: [0, 10], ArrowDown: [0, -10] }[event.key];
    if (event.key === "Enter") this.panel.keep([this.panel.state.point]);
    if (!step) return;
    event.preventDefault();
    const [x, y] = this.place();
    this.go(x + step[0], y + step[1]);
    this.panel.commit();
  }

  place() {
    const { state } = this.panel;
    return state.axes.map((number) => state.point.directions[number] ?? 0);
  }

  go(x, y) {
    const { state, data } = this.panel;
    const [across, up] = state.axes;
    const amount = (value) => Math.round(Math.min(Math.max(value, -data.limits.reach), data.limits.reach) / 5) * 5;
    this.panel.change({ directions: withAmount(withAmount(state.point.directions, across, amount(x)), up, amount(y)) });
    this.mark();
  }

  mark() {
    const { reach } = this.panel.data.limits;
    const [x, y] = this.place();
    Object.assign(this.find(".mark").style, { left: `${50 + (50 * x) / reach}%`, top: `${50 - (50 * y) / reach}%` });
    this.field.setAttribute("aria-label", `Field of digits; you are at ${signed(x)} across and ${signed(y)} up. Arrow keys move, Enter keeps`);
  }

  refresh() {
    const { layout } = this.panel.state;
    this.find(`[name=layout][value=${layout}]`).checked = true;
    this.find(".plane-map").hidden = layout !== "plane";
    this.find(".samples-map").hidden = layout === "plane";
    if (layout !== "plane") {
      this.cloud.load(layout);
      return;
    }
    [".across", ".up"].forEach((name, which) => (this.find(name).value = this.panel.state.axes[which]));
    this.mark();
    this.latest.ask();
  }

  // The field stands for the point without the two directions, so dragging over it never redraws it.
  async draw() {
    const { panel } = this;
    const { state, space, engine, data } = panel;
    const [across, up] = state.axes;
    const centre = { ...state.point, directions: withAmount(withAmount(state.point.directions, across, 0), up, 0) };
    const side = this.side();
    const wish = [engine.run.name, state.epoch, tokenOf(centre), state.axes, side].join(" ");
    if (wish === this.drawn) return;
    const amount = (place) => Math.round(data.limits.reach * ((2 * place + 1) / side - 1));
    const points = Array.from({ length: side * side }, (_, i) => {
      const moved = withAmount(centre.directions, across, amount(i % side));
      return { ...centre, directions: withAmount(moved, up, -amount(Math.floor(i / side))) };
    });
    try {
      const pixels = await engine.draw(state.epoch, await space.rows(points, state.epoch));
      if (engine !== panel.engine) return;
      this.drawn = wish;
      this.paint(pixels, side);
    } catch (error) {
      panel.fail(error);
    }
  }

  // As many digits as fit in their own size.
  side() {
    const fit = Math.floor(this.root.clientWidth / this.panel.data.run.size);
    const count = Math.min(Math.max(fit, FIELD.least), FIELD.most);
    return count - ((count + 1) % 2);
  }

  paint(pixels, side) {
    const { run } = this.panel.data;
    Object.assign(this.field, { width: side * run.size, height: side * run.size });
    this.find(".plane").style.setProperty("--field", `${crispSide(side * run.size, this.root.clientWidth)}px`);
    const one = element("canvas");
    for (let i = 0; i < side * side; i += 1) {
      paint(one, pixels, run, i);
      this.field.getContext("2d").drawImage(one, (i % side) * run.size, Math.floor(i / side) * run.size);
    }
  }
}

const MAP_HTML = `
  <div class="ways layouts" role="radiogroup" aria-label="Map">
    <label><input type="radio" name="layout" value="plane"> two directions</label>
    <label><input type="radio" name="layout" value="pca"> samples by PCA</label>
    <label><input type="radio" name="layout" value="tsne"> samples by t-SNE</label>
  </div>
  <div class="plane-map">
  <p class="hint lead">Drag over the field: the digit under your finger is drawn large. Click one to keep it.</p>
  <div class="ways"><label>across <select class="across" aria-label="Direction across"></select></label><label>up <select class="up" aria-label="Direction up"></select></label></div>
  <div class="plane"><canvas class="field" tabindex="0" role="application"></canvas><span class="mark" aria-hidden="true"></span></div>
  <p class="hint">Both ways from −3 to 3 standard deviations, around the sample you work on.</p>
  </div>
  <div class="samples-map" hidden></div>`;
