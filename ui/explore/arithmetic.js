// Average of the first group minus the second plus the third, as in the DCGAN paper (arXiv 1511.06434, section 6.3.2).

const GROUPS = ["a", "b", "c"];

class Arithmetic {
  constructor(root, panel) {
    Object.assign(this, { root, panel, active: "a" });
    this.latest = new Latest(() => this.draw());
    root.innerHTML = ARITHMETIC_HTML;
    this.find = (selector) => root.querySelector(selector);
    for (const name of GROUPS) this.find(`.group.${name} .choose`).onclick = () => this.choose(name);
    this.find(".work").onclick = () => this.result && panel.workAt(this.result);
    this.find(".hold").onclick = () => this.result && panel.keep([this.result]);
    this.find(".example").onclick = () => this.example();
    this.find(".clear").onclick = () => this.set({ a: [], b: [], c: [] });
  }

  choose(name) {
    this.active = name;
    for (const group of GROUPS) {
      this.find(`.group.${group}`).classList.toggle("active", group === name);
      this.find(`.group.${group} .choose`).setAttribute("aria-pressed", String(group === name));
    }
  }

  // Takes a sample into the group that is being filled; a full group hands on to the next.
  add(point) {
    const { state, data } = this.panel;
    const { max_parts: most } = data.limits;
    const free = [this.active, ...GROUPS].find((name) => state[name].length < most);
    if (!free) {
      this.panel.say(`Each group holds ${most} digits; click one to take it out.`);
      return;
    }
    this.choose(free);
    this.set({ [free]: [...state[free], point] });
  }

  set(change) {
    Object.assign(this.panel.state, change);
    this.panel.commit();
    this.refresh();
  }

  example() {
    const { seed, truncation } = this.panel.state.point;
    const some = (from) => [0, 1, 2].map((i) => freshPoint(seed, from + i, { truncation }));
    this.set({ a: some(0), b: some(3), c: some(6) });
  }

  refresh() {
    this.choose(this.active);
    this.latest.ask();
  }

  async draw() {
    const { panel } = this;
    const { state, space, engine, data } = panel;
    const groups = GROUPS.map((name) => state[name]);
    const complete = groups.every((points) => points.length);
    for (const button of this.root.querySelectorAll(".work, .hold")) button.disabled = !complete;
    GROUPS.forEach((name, i) => this.tiles(name, groups[i].length));
    const { latent, classes } = data.run;
    try {
      const means = await Promise.all(groups.map((points) => this.mean(points)));
      const first = groups[0][0] ?? null;
      const digit = classes ? first && (first.digit ?? (await space.ownDigit(first))) : null;
      const sum = Array.from({ length: latent }, (_, j) => means[0][j] - means[1][j] + means[2][j]);
      this.result = complete ? pointOf(sum, digit, data.limits.max_own) : null;
      const parts = await Promise.all(groups.map(async (points, i) => points.length ? [pointOf(means[i], await this.digitOf(points[0]), data.limits.max_own)] : []));
      const points = [...groups.flat(), ...parts.flat(), ...(this.result ? [this.result] : [])];
      if (!points.length) return;
      const pixels = await engine.draw(state.epoch, await space.rows(points, state.epoch));
      if (engine !== panel.engine) return;
      this.paint(pixels, groups, parts);
    } catch (error) {
      panel.fail(error);
    }
  }

  async digitOf(point) {
    const { space, data } = this.panel;
    return data.run.classes ? (point.digit ?? space.ownDigit(point)) : null;
  }

  async mean(points) {
    const { space, state, data } = this.panel;
    const all = await Promise.all(points.map((point) => space.z(point, state.epoch)));
    return Array.from({ length: data.run.latent }, (_, j) => all.reduce((sum, z) => sum + z[j], 0) / Math.max(all.length, 1));
  }

  paint(pixels, groups, parts) {
    const { run } = this.panel.data;
    let at = 0;
    GROUPS.forEach((name, i) => {
      const canvases = this.find(`.group.${name} .members`).querySelectorAll("canvas");
      groups[i].forEach((_, k) => paint(canvases[k], pixels, run, at++));
    });
    GROUPS.forEach((name, i) => {
      const mean = this.find(`.group.${name} .mean`);
      mean.hidden = !parts[i].length;
      if (parts[i].length) paint(mean, pixels, run, at++);
    });
    this.find(".outcome").hidden = !this.result;
    if (!this.result) return;
    paint(this.find(".sum"), pixels, run, at);
    this.panel.showFrame(pixels, at, "first group − second + third");
    this.panel.refreshControls();
  }

  tiles(name, count) {
    const holder = this.find(`.group.${name} .members`);
    while (holder.children.length > count) holder.lastChild.remove();
    while (holder.children.length < count) {
      const place = holder.children.length;
      const { button } = tile(() => this.set({ [name]: this.panel.state[name].toSpliced(place, 1) }));
      button.setAttribute("aria-label", `Take digit ${place + 1} out of this group`);
      holder.append(button);
    }
    this.find(`.group.${name} .mean`).hidden = !count;
  }
}

const ARITHMETIC_HTML = `
  <p class="hint lead">Adding and subtracting z: choose a group, then click samples into it, up to three. Averages are steadier than single digits.</p>
  ${[["a", "average of"], ["b", "minus"], ["c", "plus"]].map(([name, word]) => `
  <div class="group ${name}"><button type="button" class="choose" aria-pressed="false">${word}</button><div class="members"></div><span class="equals">→</span><canvas class="mean" hidden role="img" aria-label="The average of this group"></canvas></div>`).join("")}
  <div class="group outcome" hidden><span>result</span><canvas class="sum" role="img" aria-label="The result"></canvas>
    <button type="button" class="work">work on it</button><button type="button" class="hold">keep it</button></div>
  <p class="hint">Where the generator is told a digit, z holds the style, and the digit stays that of the first group.</p>
  <div class="buttons"><button type="button" class="example">fill with samples</button><button type="button" class="clear">clear</button></div>`;
