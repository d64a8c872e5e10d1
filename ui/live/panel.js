// The live panel of the Train page: position, sample grid with film strip, charts. Made once, kept through reruns.

const WIDE = 760; // CSS pixels from which the charts stand beside the samples; panel.css has it too
const LOW = 800; // a window lower than this gets a lower film strip, so that all of it is seen
const WORDS = 250; // CSS pixels that titles, hints and gaps take beside the three rows of plots

class Panel {
  constructor(root) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    this.cache = new FrameCache();
    this.chosen = null; // step of the frame looked back at; null follows the newest
    this.hidden = new Set();
    this.zoom = null;
    this.listen();
    this.observer = new ResizeObserver(() => this.layout());
    this.observer.observe(this.find(".body"));
    this.dark = window.matchMedia("(prefers-color-scheme: dark)");
    this.recolour = () => setTimeout(() => this.themed(), 300);
    this.dark.addEventListener("change", this.recolour);
  }

  // Called at first and after every rerun of the page.
  update(data, setTriggerValue) {
    const other = !this.data || data.run.name !== this.data.run.name || data.run.version !== this.data.run.version;
    if (other || data.state !== this.data.state) this.told = null; // what was told is told once for each state shown
    this.data = data;
    this.trigger = setTriggerValue;
    if (other) this.open(data.run);
    this.themed();
    this.feed.poll();
  }

  open(run) {
    this.feed?.close();
    this.stopPlaying();
    this.recall();
    this.feed = new Feed(run, () => this.refresh());
    this.grid = new DigitGrid(this.find(".grid"), run.columns, run.image_size);
    this.strip = new FilmStrip(this.find(".strip"), this.cache, run.image_size, (index) => this.pick(index));
    this.find(".right").replaceChildren();
    this.charts = [];
    this.layout();
    const shared = {
      colours: () => this.colours, hidden: this.hidden, syncKey: `lab-${run.name}`, remember: () => this.remember(),
      zoomTo: (zoom) => this.zoomTo(zoom), marker: () => this.chosen,
    };
    this.paint(this.readColours());
    const last = this.data.charts.length - 1;
    const right = this.find(".right");
    this.curves = this.data.charts.map((spec, i) => new LineChart(right, { ...spec, last: i === last }, shared));
    this.quality = new Quality(right, this.data.quality, shared);
    this.doctor = new Doctor(right, (name) => this.trigger("remedy", name));
    this.charts = [...this.curves, ...this.quality.charts];
    this.charts.forEach((chart) => (chart.zoom = this.zoom));
    this.layout();
  }

  close() {
    this.feed?.close();
    this.stopPlaying();
    this.observer.disconnect();
    this.dark.removeEventListener("change", this.recolour);
    this.charts?.forEach((chart) => chart.plot.destroy());
  }

  listen() {
    const slider = this.find("input");
    slider.addEventListener("input", () => this.pick(Number(slider.value)));
    this.find(".live").onclick = () => this.pick(null);
    this.find(".play").onclick = () => (this.playing ? this.stopPlaying() : this.play());
    this.find(".ink").onclick = () => {
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

  layout() {
    if (!this.grid) return;
    const across = this.find(".body").clientWidth;
    const wide = across > WIDE;
    // The grid takes what the window's height leaves it, and beside the charts never much more than half.
    const half = wide ? Math.max(463, across * 0.55) : across;
    const room = Math.min(half, Math.max(463, window.innerHeight - 345));
    const width = this.grid.fit(Math.max(room, 120));
    this.root.style.setProperty("--grid", `${width}px`);
    const low = window.innerHeight < LOW;
    this.root.classList.toggle("low", low);
    this.strip.fit(wide ? width : across, low ? 1 : 2);
    const beside = Math.max(width + (low ? 100 : 140), window.innerHeight - 190);
    const plot = wide ? Math.max(96, Math.min(220, (beside - WORDS) / 3)) : 130;
    this.root.style.setProperty("--plot", `${Math.floor(plot)}px`);
    this.charts.forEach((chart) => chart.resize());
    if (this.feed.status) this.showFrame();
  }

  refresh() {
    const { feed } = this;
    this.themed();
    this.find(".problem").textContent = feed.gone || feed.problem || (feed.goesOn() && feed.status.message) || "";
    if (feed.status && !feed.gone) {
      this.root.dataset.state = feed.status.state;
      showLine(this.find, feed.status);
      this.showFrame();
      this.drawCharts();
      this.doctor.show(feed.findings, feed.status.active);
    }
    const state = feed.gone ? "gone" : feed.status?.state;
    if (state && state !== this.data.state && state !== this.told) {
      this.told = state;
      this.trigger("state", state);
    }
  }

  drawCharts() {
    const key = `${this.feed.offset}:${this.feed.columns.step?.length}:${this.feed.reports.length}`;
    if (key === this.drawn) return;
    this.drawn = key;
    performance.mark("lab-charts-start");
    const { columns, reports } = this.feed;
    const reach = Math.max(columns.step?.at(-1) ?? 0, reports.at(-1)?.step ?? 0);
    this.curves.forEach((chart) => chart.update(columns, reach));
    this.quality.update(reports, reach, this.chosen);
    performance.measure("lab-charts", "lab-charts-start");
  }

  index() {
    const { frames } = this.feed;
    if (this.chosen === null) return frames.length - 1;
    const index = frames.findLastIndex((frame) => frame.step <= this.chosen);
    return Math.max(index, 0);
  }

  pick(index) {
    this.stopPlaying();
    this.choose(index);
  }

  choose(index) {
    const { frames, status } = this.feed;
    const newest = index === null || (index >= frames.length - 1 && !status?.active);
    this.chosen = newest ? null : frames[index]?.step ?? null;
    this.remember();
    this.showFrame();
    this.charts.forEach((chart) => chart.plot.redraw(false));
    this.quality.look(this.feed.reports, this.chosen);
  }

  play() {
    const { frames } = this.feed;
    let index = this.chosen === null ? 0 : this.index();
    this.find(".play").textContent = "❚❚";
    this.playing = setInterval(() => {
      index += 1;
      if (index >= frames.length) this.pick(null);
      else this.choose(index);
    }, 180);
    this.choose(index);
  }

  stopPlaying() {
    clearInterval(this.playing);
    this.playing = null;
    this.find(".play").textContent = "▶";
  }

  async showFrame() {
    const { frames, status } = this.feed;
    const index = this.index();
    const slider = this.find("input");
    slider.max = Math.max(frames.length - 1, 0);
    slider.value = index;
    slider.disabled = frames.length < 2;
    this.find(".live").setAttribute("aria-pressed", String(this.chosen === null));
    this.find(".live").textContent = status?.active ? "live" : "last";
    this.strip.update(frames, index, this.colours);
    const frame = frames[index];
    const waiting = status?.active === false ? "It ended before it drew anything." : "The first samples are on their way.";
    this.find(".what").textContent = frame ? this.caption(frame) : waiting;
    if (!frame) return;
    slider.setAttribute("aria-valuetext", this.caption(frame));
    if (await this.grid.show(this.cache.get(frame.url))) {
      this.grid.canvas.setAttribute("aria-label", this.describe(frame));
      this.grid.canvas.dataset.step = frame.step;
    }
    for (const near of frames.slice(Math.max(index - 20, 0), index + 20)) this.cache.get(near.url);
  }

  caption(frame) {
    if (frame.step === 0) return "before training";
    const step = `step ${WHOLE.format(frame.step)}`;
    return frame.label.startsWith("ep") ? `after epoch ${frame.epoch} · ${step}` : `epoch ${frame.epoch} · ${step}`;
  }

  describe(frame) {
    const count = this.grid.columns * this.grid.rows;
    if (frame.step === 0) return `${count} images before training: noise`;
    const when = frame.label.startsWith("ep") ? `after epoch ${frame.epoch}` : `at step ${WHOLE.format(frame.step)}`;
    return `${count} generated ${this.data.noun} ${when}`;
  }

  zoomTo(zoom) {
    this.zoom = zoom;
    this.charts.forEach((chart) => chart.setZoom(zoom));
    this.remember();
  }

  // Position, zoom and hidden lines outlive a reload, for each run.
  storeKey() {
    return `lab:${this.data.run.name}:${this.data.run.version}`;
  }

  remember() {
    const kept = { chosen: this.chosen, zoom: this.zoom, hidden: [...this.hidden] };
    sessionStorage.setItem(this.storeKey(), JSON.stringify(kept));
  }

  recall() {
    let kept = {};
    try {
      kept = JSON.parse(sessionStorage.getItem(this.storeKey())) ?? {};
    } catch {
      // an older or foreign entry: start fresh
    }
    this.chosen = kept.chosen ?? null;
    this.zoom = kept.zoom ?? null;
    this.hidden = new Set(kept.hidden ?? []);
    this.drawn = "";
  }

  readColours() {
    const style = getComputedStyle(this.root);
    const background = style.getPropertyValue("--st-background-color");
    const roles = this.data.palette[isDark(background) ? "dark" : "light"];
    const text = style.getPropertyValue("--st-text-color").trim();
    return { ...roles, background, text, quiet: `${text}9e`, line: `${text}1f`, font: style.fontFamily };
  }

  paint(colours) {
    this.colours = colours;
    this.root.style.setProperty("--generated", colours.generated);
    this.root.style.setProperty("--truth", colours.real);
  }

  themed() {
    const colours = this.readColours();
    if (this.colours?.background === colours.background) return;
    this.paint(colours);
    this.charts.forEach((chart) => chart.repaint());
    if (this.feed.status) this.showFrame();
  }
}

function isDark(colour) {
  const probe = document.createElement("canvas").getContext("2d");
  probe.fillStyle = colour.trim() || "#fff";
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(probe.fillStyle.slice(at, at + 2), 16));
  return red + green + blue < 384;
}

const panels = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".lab");
  if (!panels.has(root)) panels.set(root, new Panel(root));
  const panel = panels.get(root);
  panel.update(data, setTriggerValue);
  return () => {
    panel.close();
    panels.delete(root);
  };
}
