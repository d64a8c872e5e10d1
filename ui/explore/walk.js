// The way from pick to pick: a strip of images, the same as an animation on the big canvas, and files to take away.

class Walk {
  constructor(root, panel) {
    Object.assign(this, { root, panel, frame: 0, playing: false, pixels: null, count: 0 });
    this.latest = new Latest((wish) => this.load(wish));
    root.innerHTML = WALK_HTML;
    this.find = (selector) => root.querySelector(selector);
    this.find(".steps").oninput = () => this.settings({ steps: this.steps() });
    this.find(".steps").onchange = () => panel.commit();
    this.find(".loop").onchange = () => this.settings({ loop: this.find(".loop").checked }, true);
    for (const way of root.querySelectorAll("[name=method]")) way.onchange = () => this.settings({ method: way.value }, true);
    this.find(".play").onclick = () => this.play(!this.playing);
    this.find(".speed").oninput = () => {
      this.find(".speed").setAttribute("aria-valuetext", `${this.find(".speed").value} pictures a second`);
      this.play(this.playing);
    };
    this.find(".at").oninput = () => this.stopAt(Number(this.find(".at").value));
    this.find(".random").onclick = () => panel.keepRandom(3);
    for (const link of root.querySelectorAll(".files a")) link.onclick = (event) => this.download(event, link);
  }

  settings(change, done) {
    Object.assign(this.panel.state, change);
    if (done) this.panel.commit();
    this.refresh();
  }

  steps() {
    return Math.min(Math.max(Number(this.find(".steps").value) || 1, 1), this.panel.data.limits.max_steps);
  }

  refresh() {
    const { state } = this.panel;
    this.find(".steps").value = state.steps;
    this.find(".steps-value").textContent = state.steps;
    this.find(".loop").checked = state.loop;
    this.find(`.method input[value=${state.method}]`).checked = true;
    this.root.classList.toggle("empty", state.picks.length < 2);
    if (state.view === "walk" && state.picks.length > 1) this.latest.ask(this.wish());
    else this.play(false);
  }

  wish() {
    const { state } = this.panel;
    const query = [["epoch", state.epoch], ...state.picks.map((pick) => ["pick", tokenOf(pick)])];
    return [...query, ["method", state.method], ["steps", state.steps], ["loop", state.loop ? 1 : 0]];
  }

  async load(query) {
    const { panel } = this;
    const { engine } = panel;
    try {
      const path = await engine.get("path", query);
      const rows = joined(floats(path.z), floats(path.conditions), path.count, engine.run);
      const pixels = await engine.draw(panel.state.epoch, rows);
      if (engine !== panel.engine) return;
      const first = !this.pixels;
      Object.assign(this, { pixels, count: path.count, norms: path.norms, conditions: floats(path.conditions) });
      this.show(query);
      if (first && !matchMedia("(prefers-reduced-motion: reduce)").matches) this.play(true);
    } catch (error) {
      panel.fail(error);
    }
  }

  show(query) {
    this.strip();
    this.addressFiles(query);
    this.find(".at").max = this.count - 1;
    this.find(".why").textContent = whyArc(this.norms, this.panel.state.method);
    drawNorms(this.find("svg"), this.norms, this.panel.state.method);
    this.to(Math.min(this.frame, this.count - 1));
  }

  strip() {
    const holder = this.find(".strip");
    while (holder.children.length > this.count) holder.lastChild.remove();
    while (holder.children.length < this.count) {
      const place = holder.children.length;
      holder.append(tile(() => this.stopAt(place)).button);
    }
    for (const [place, button] of [...holder.children].entries()) {
      paint(button.firstChild, this.pixels, this.panel.data.run, place);
      button.setAttribute("aria-label", `picture ${place + 1} of ${this.count}`);
      button.classList.toggle("pick", place % this.panel.state.steps === 0);
    }
  }

  pause() {
    return Math.round(1000 / Number(this.find(".speed").value));
  }

  play(on) {
    clearInterval(this.timer);
    this.playing = on && this.count > 1;
    this.find(".play").textContent = this.playing ? "❚❚ pause" : "▶ play";
    if (this.playing) this.timer = setInterval(() => this.to((this.frame + 1) % this.count), this.pause());
    if (this.pixels) this.addressFiles(this.wish());
  }

  addressFiles(query) {
    for (const link of this.root.querySelectorAll(".files a")) {
      link.href = this.panel.engine.address(`walk.${link.dataset.form}`, [...query, ["milliseconds", this.pause()]]);
    }
  }

  // Fetched first, so that a file that cannot be made is one sentence and not a broken download.
  async download(event, link) {
    event.preventDefault();
    const { panel } = this;
    const waiting = setTimeout(() => panel.say(`The ${link.textContent} is being made.`), 400);
    try {
      await saveFrom(link.href);
      panel.say(panel.notice());
    } catch (error) {
      panel.fail(error);
    } finally {
      clearTimeout(waiting);
    }
  }

  stopAt(frame) {
    this.play(false);
    this.to(frame);
  }

  to(frame) {
    this.frame = frame;
    const at = this.find(".at");
    at.value = frame;
    at.setAttribute("aria-valuetext", `picture ${frame + 1} of ${this.count}`);
    [...this.find(".strip").children].forEach((button, i) => button.setAttribute("aria-current", String(i === frame)));
    const { classes } = this.panel.data.run;
    const condition = this.conditions.subarray(frame * classes, (frame + 1) * classes);
    this.panel.showFrame(this.pixels, frame, `picture ${frame + 1} of ${this.count}`, condition);
  }

  close() {
    clearInterval(this.timer);
  }
}

function joined(z, conditions, count, run) {
  const width = run.latent + run.classes;
  const rows = new Float32Array(count * width);
  for (let i = 0; i < count; i += 1) {
    rows.set(z.subarray(i * run.latent, (i + 1) * run.latent), i * width);
    if (run.classes) rows.set(conditions.subarray(i * run.classes, (i + 1) * run.classes), i * width + run.latent);
  }
  return rows;
}

function whyArc({ lerp, slerp }) {
  const low = (values) => Math.min(...values).toFixed(1);
  return `The generator was trained on z of nearly one length. The straight line cuts through the middle, where |z| falls to ${low(lerp)}; the arc stays at ${low(slerp)} or more.`;
}

function drawNorms(svg, norms, method) {
  const high = Math.max(...norms.lerp, ...norms.slerp) * 1.05;
  const line = (values) => values.map((v, i) => `${((100 * i) / Math.max(values.length - 1, 1)).toFixed(2)},${(40 - (40 * v) / high).toFixed(2)}`).join(" ");
  for (const way of ["lerp", "slerp"]) {
    const path = svg.querySelector(`.${way}`);
    path.setAttribute("points", line(norms[way]));
    path.classList.toggle("chosen", way === method);
  }
}

const WALK_HTML = `
  <p class="none">Keep two digits or more, and the walk leads from one to the next.
    <button type="button" class="random">take three at random</button></p>
  <div class="full">
    <div class="ways method" role="radiogroup" aria-label="Way">
      <label><input type="radio" name="method" value="slerp"> arc (slerp)</label>
      <label><input type="radio" name="method" value="lerp"> straight line (lerp)</label>
      <label><input type="checkbox" class="loop"> back to the first</label>
    </div>
    <div class="row"><span class="label">steps</span><input type="range" class="steps" min="1" max="30" aria-label="Steps from pick to pick"><output class="steps-value"></output></div>
    <div class="strip"></div>
    <div class="player"><button type="button" class="play">▶ play</button><input type="range" class="at" min="0" value="0" aria-label="Picture of the walk"><label class="hint">speed <input type="range" class="speed" min="2" max="25" value="10" aria-label="Pictures per second"></label></div>
    <div class="norms"><svg viewBox="0 0 100 40" preserveAspectRatio="none" role="img" aria-label="Length of z along the walk, for both ways"><polyline class="lerp"></polyline><polyline class="slerp"></polyline></svg><p class="why"></p></div>
    <p class="files">Take it away: <a class="button" data-form="gif" download>GIF</a> <a class="button" data-form="mp4" download>MP4</a> <a class="button" data-form="webm" download>WebM</a></p>
  </div>`;
