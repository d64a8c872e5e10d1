// The Home page's film: the sample grids of one run from noise to digits, played once, again on request.

const REEL_SECONDS = 6;

class Reel {
  constructor(root) {
    this.root = root;
    this.cache = new FrameCache();
    root.querySelector("button").onclick = () => this.play();
    this.observer = new ResizeObserver(() => this.layout());
    this.observer.observe(root);
  }

  update(data) {
    if (this.data && data.run.name === this.data.run.name && data.run.version === this.data.run.version) return;
    this.data = data;
    this.feed?.close();
    this.grid = new DigitGrid(this.root.querySelector("canvas"), data.run.columns, data.run.image_size);
    this.layout();
    this.feed = new Feed(data.run, () => this.begin());
    this.feed.poll();
  }

  close() {
    this.feed?.close();
    clearInterval(this.timer);
    this.observer.disconnect();
  }

  layout() {
    this.grid?.fit(Math.min(this.root.clientWidth, Math.max(463, window.innerHeight - 230)));
  }

  begin() {
    if (this.begun || !this.feed.frames.length) return;
    this.begun = true;
    this.feed.close();
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (still) this.show(this.feed.frames.length - 1);
    else this.play();
  }

  play() {
    const { frames } = this.feed;
    clearInterval(this.timer);
    frames.forEach((frame) => this.cache.get(frame.url));
    let index = 0;
    this.show(index);
    const pause = Math.max(60, Math.min(350, (REEL_SECONDS * 1000) / Math.max(frames.length, 1)));
    this.timer = setInterval(() => {
      index += 1;
      if (index >= frames.length - 1) clearInterval(this.timer);
      if (index < frames.length) this.show(index);
    }, pause);
  }

  async show(index) {
    const frame = this.feed.frames[index];
    if (!(await this.grid.show(this.cache.get(frame.url)))) return;
    const when = frame.step === 0 ? "before training: noise" : `after ${WHOLE_STEPS.format(frame.step)} training steps`;
    this.root.querySelector(".what").textContent = when;
    this.grid.canvas.dataset.step = frame.step;
    this.grid.canvas.setAttribute("aria-label", `${this.grid.columns * this.grid.rows} ${this.data.noun} ${when}`);
  }
}

const WHOLE_STEPS = new Intl.NumberFormat("en");
const reels = new WeakMap();

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".reel");
  if (!reels.has(root)) reels.set(root, new Reel(root));
  reels.get(root).update(data);
  return () => {
    reels.get(root)?.close();
    reels.delete(root);
  };
}
