// Follows one run: fetches what is new since the last look and keeps status, columns of metrics and frames.

const POLL_MS = { visible: 400, hidden: 4000, ended: 5000 };
const MAX_POINTS = 6000;

class Feed {
  constructor(run, onChange) {
    this.run = run;
    this.onChange = onChange;
    this.timer = null;
    this.failures = 0;
    this.busy = false;
    this.wake = () => document.hidden || this.poll();
    document.addEventListener("visibilitychange", this.wake);
    window.addEventListener("focus", this.wake);
    this.clear();
  }

  clear() {
    this.offset = 0;
    this.judged = 0;
    this.columns = {};
    this.reports = [];
    this.findings = [];
    this.frames = [];
    this.status = null;
    this.problem = "";
    this.gone = false;
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    document.removeEventListener("visibilitychange", this.wake);
    window.removeEventListener("focus", this.wake);
  }

  async poll() {
    if (this.busy || this.closed) return;
    this.busy = true;
    clearTimeout(this.timer);
    try {
      await this.fetchOnce();
      this.failures = 0;
      this.problem = "";
    } catch (error) {
      this.failures += 1;
      this.problem = "Connection lost, trying again.";
    }
    this.busy = false;
    if (this.closed) return;
    this.schedule();
    this.onChange(this);
  }

  async fetchOnce() {
    const address = new URL(`lab/runs/${encodeURIComponent(this.run.name)}/live`, document.baseURI);
    address.searchParams.set("offset", this.offset);
    address.searchParams.set("frames", this.frames.length);
    address.searchParams.set("judged", this.judged);
    const answer = await fetch(address, { signal: AbortSignal.timeout(10000) });
    if (answer.status === 404) {
      this.gone = (await answer.json()).error;
      return;
    }
    if (!answer.ok) throw new Error(answer.statusText);
    this.gone = false;
    this.merge(await answer.json());
  }

  merge(update) {
    const stepped = update.metrics.step[0] <= this.columns.step?.at(-1);
    const wentBack = stepped || update.quality[0]?.step <= this.reports.at(-1)?.step;
    if (wentBack && !update.reset) {
      this.clear();
      return;
    }
    if (update.reset) this.clear();
    this.offset = update.offset;
    this.status = update.status;
    this.frames.push(...update.frames);
    this.judged = update.judged;
    this.reports.push(...update.quality);
    this.findings = update.findings ?? this.findings;
    for (const [name, values] of Object.entries(update.metrics)) {
      this.columns[name] = (this.columns[name] ?? []).concat(values);
    }
    if ((this.columns.step?.length ?? 0) > MAX_POINTS) this.halve();
  }

  // Pairs of neighbours become their mean, each at its later step.
  halve() {
    for (const [name, values] of Object.entries(this.columns)) {
      const half = [];
      for (let i = 1; i < values.length; i += 2) {
        const known = [values[i - 1], values[i]].filter((value) => value !== null);
        const mean = known.length ? known.reduce((a, b) => a + b) / known.length : null;
        half.push(name === "step" ? values[i] : mean);
      }
      this.columns[name] = half;
    }
  }

  // Whether something is still to come: the run trains, or waits for its turn.
  goesOn() {
    return Boolean(this.status && (this.status.active || this.status.state === "queued"));
  }

  // A run that has ended may be continued or deleted from elsewhere: it is looked at now and then, while seen.
  schedule() {
    const ended = this.gone || (this.status && !this.goesOn());
    let wait = document.hidden ? POLL_MS.hidden : POLL_MS.visible;
    if (this.failures) wait = Math.min(1000 * 2 ** (this.failures - 1), 8000);
    else if (ended && document.hidden) return;
    else if (ended) wait = POLL_MS.ended;
    this.timer = setTimeout(() => this.poll(), wait);
  }
}
