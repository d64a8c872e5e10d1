// The Compare page's sample grids: one scrubber moves all of them, over epochs or over training time.

const SPACE = { wide: 20, narrow: 12 }; // CSS pixels between two grids
const PLAY_MS = 220;
const PRELOAD = 360; // images; FrameCache keeps 400

class Comparison {
  constructor(root) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    this.cache = new FrameCache();
    this.chosen = null; // place on the axis; null stands for the end
    this.find("input").addEventListener("input", (event) => this.pick(Number(event.target.value)));
    this.find(".play").onclick = () => (this.playing ? this.stop() : this.play());
    this.find(".ink").onclick = () => {
      localStorage.setItem("lab-white", localStorage.getItem("lab-white") ? "" : "1");
      this.inked();
    };
    this.inked();
    this.observer = new ResizeObserver(() => this.layout());
    this.observer.observe(root);
  }

  update(data) {
    if (this.data && data.axis !== this.data.axis) this.chosen = null;
    this.stop();
    this.data = data;
    const places = data.runs.flatMap((run) => run.frames.map((frame) => frame[data.axis]));
    this.stops = [...new Set(places)].sort((a, b) => a - b);
    this.find("input").max = Math.max(this.stops.length - 1, 0);
    this.find("input").disabled = this.stops.length < 2;
    this.cells = data.runs.map((run) => makeCell(run));
    this.find(".cells").replaceChildren(...this.cells.map((cell) => cell.root));
    this.layout();
    this.show();
    this.preload();
  }

  close() {
    this.stop();
    this.observer.disconnect();
  }

  // All that fits the cache when it is little, else what is near: a hand on the scrubber waits for nothing.
  preload() {
    const all = this.data.runs.flatMap((run) => run.frames);
    if (all.length <= PRELOAD) {
      all.forEach((frame) => this.cache.get(frame.url));
      return;
    }
    const near = Math.floor(PRELOAD / this.data.runs.length / 2);
    for (const { run } of this.cells) {
      const middle = this.frameIndex(run);
      run.frames.slice(Math.max(middle - near, 0), middle + near).forEach((frame) => this.cache.get(frame.url));
    }
  }

  layout() {
    if (!this.cells) return;
    const across = this.root.clientWidth;
    const count = this.cells.length;
    const inRow = across >= 900 ? count : across >= 600 ? Math.min(count, 3) : 2;
    const space = across >= 600 ? SPACE.wide : SPACE.narrow;
    const width = Math.floor((across - (inRow - 1) * space) / inRow);
    const high = Math.max(231, window.innerHeight - 330);
    this.find(".cells").style.setProperty("--across", inRow);
    this.find(".cells").style.setProperty("--space", `${space}px`);
    for (const cell of this.cells) {
      const taken = fitGrid(cell.grid, width, high);
      cell.root.style.setProperty("--cell", `${Math.min(Math.max(taken, 150), width)}px`);
    }
  }

  pick(index) {
    this.stop();
    this.choose(index);
  }

  choose(index) {
    this.chosen = index >= this.stops.length - 1 ? null : this.stops[index];
    this.show();
    if (this.data.runs.flatMap((run) => run.frames).length > PRELOAD) this.preload();
  }

  play() {
    let index = this.chosen === null ? 0 : this.stopIndex();
    this.find(".play").textContent = "❚❚";
    this.choose(index);
    this.playing = setInterval(() => {
      index += 1;
      if (index >= this.stops.length) this.stop();
      else this.choose(index);
    }, PLAY_MS);
  }

  stop() {
    clearInterval(this.playing);
    this.playing = null;
    this.find(".play").textContent = "▶";
  }

  place() {
    return this.chosen ?? this.stops.at(-1) ?? 0;
  }

  stopIndex() {
    return Math.max(this.stops.findLastIndex((stop) => stop <= this.place()), 0);
  }

  frameIndex(run) {
    return Math.max(run.frames.findLastIndex((frame) => frame[this.data.axis] <= this.place()), 0);
  }

  show() {
    this.find("input").value = this.stopIndex();
    const words = this.stops.length ? placeWords(this.place(), this.data.axis) : "no samples yet";
    this.find(".when").textContent = words;
    this.find("input").setAttribute("aria-valuetext", words);
    this.cells.forEach((cell) => this.showCell(cell));
  }

  async showCell({ run, grid, caption }) {
    const index = this.frameIndex(run);
    const frame = run.frames[index];
    if (!frame) {
      grid.canvas.setAttribute("aria-label", `Run ${run.letter} has no samples yet`);
      return;
    }
    const late = this.place() - frame[this.data.axis] > 0.01 * this.stops.at(-1);
    const last = index === run.frames.length - 1 && late;
    const end = last ? (run.active ? ", the last so far" : ", its last") : "";
    caption.textContent = `${frame.label}, ${duration(frame.time)}${end}`;
    if (!(await grid.show(this.cache.get(frame.url)))) return;
    grid.canvas.dataset.step = frame.step;
    const count = grid.columns * grid.rows;
    grid.canvas.setAttribute("aria-label", `Run ${run.letter}: ${count} generated images ${frame.label}`);
  }

  inked() {
    const white = Boolean(localStorage.getItem("lab-white"));
    this.root.classList.toggle("white", white);
    this.find(".ink").setAttribute("aria-pressed", String(white));
    this.find(".ink").textContent = white ? "white on black" : "black on white";
  }
}

// Shows as many columns of images as give the largest whole scale in `width` by `high` CSS pixels: all of them, or up to
// two fewer; where even that does not fit, as many as do. Answers the CSS width taken.
function fitGrid(grid, width, high) {
  const ratio = window.devicePixelRatio || 1;
  const { size, all } = grid;
  const highest = Math.max(1, Math.floor((high * ratio - all) / (all * size)));
  const scaleAt = (count) => Math.min(highest, Math.floor((width * ratio - (count - 1)) / (count * size)));
  const tried = [all, all - 1, all - 2].filter((count) => count > 0);
  const best = tried.reduce((a, b) => (scaleAt(b) > scaleAt(a) ? b : a));
  const fits = scaleAt(best) >= 1;
  grid.columns = fits ? best : Math.max(1, Math.floor((width * ratio + 1) / (size + 1)));
  const room = grid.columns * size * (scaleAt(grid.columns) + 1) - 1;
  return grid.fit(Math.min(width, room / ratio));
}

function makeCell(run) {
  const root = document.createElement("figure");
  root.className = "cell";
  const heading = document.createElement("h3");
  const letter = document.createElement("i");
  letter.textContent = run.letter;
  letter.style.setProperty("--light", run.light);
  letter.style.setProperty("--dark", run.dark);
  const title = document.createElement("span");
  title.textContent = run.title;
  heading.append(letter, title);
  const canvas = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  const caption = document.createElement("p");
  root.append(heading, canvas, caption);
  const grid = Object.assign(new DigitGrid(canvas, run.columns, run.image_size), { all: run.columns });
  return { root, run, caption, grid };
}

function placeWords(place, axis) {
  if (place === 0) return "before training";
  return axis === "time" ? `after ${duration(place)}` : `epoch ${Number(place.toFixed(2))}`;
}

const comparisons = new WeakMap();

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".compare");
  if (!comparisons.has(root)) comparisons.set(root, new Comparison(root));
  comparisons.get(root).update(data);
  return () => {
    comparisons.get(root)?.close();
    comparisons.delete(root);
  };
}
