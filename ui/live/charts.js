// Line charts over steps that share one zoom and one cursor; made once, then only given new numbers.

const SMOOTH_POINTS = 15; // points in the running mean that is drawn bold over the pale single points
const LOG_TICKS = {
  splits: (_, axis, min, max) => {
    const within = max / min > 40 ? [1] : [1, 2, 5];
    return [1, 10, 100, 1000].flatMap((ten) => within.map((at) => at * ten)).filter((at) => at >= min && at <= max);
  },
  filter: (_, splits) => splits,
  values: (_, splits) => splits.map((at) => WHOLE.format(at)),
};
const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

class LineChart {
  // `shared`: colours(), zoomTo(range or null), marker() -> step or null, hidden -> Set of column names.
  constructor(parent, spec, shared) {
    Object.assign(this, { spec, shared, zoom: null, data: [[], ...spec.lines.flatMap(() => [[], []])] });
    this.root = document.createElement("section");
    this.root.className = spec.last ? "chart last" : "chart";
    this.root.innerHTML = `<header><h4></h4><div class="legend"></div></header><div class="plot" role="img"></div><p></p>`;
    this.root.querySelector("h4").textContent = spec.title;
    this.root.querySelector("p").textContent = spec.hint;
    this.box = this.root.querySelector(".plot");
    parent.append(this.root);
    this.keys = spec.lines.map((line, index) => this.legendKey(line, index));
    if (spec.guide_label) this.guideKey();
    this.plot = new uPlot(this.options(), this.data, this.box);
    this.plot.over.addEventListener("dblclick", () => shared.zoomTo(null));
  }

  legendKey(line, index) {
    const button = document.createElement("button");
    button.type = "button";
    button.innerHTML = `<i></i><span></span><b></b>`;
    button.querySelector("span").textContent = line.label;
    button.title = "Show or hide this line";
    button.onclick = () => {
      this.shared.hidden.has(line.column) ? this.shared.hidden.delete(line.column) : this.shared.hidden.add(line.column);
      const show = !this.shared.hidden.has(line.column);
      [2 * index + 1, 2 * index + 2].forEach((series) => this.plot.setSeries(series, { show }));
      this.shared.remember();
      this.paintKeys();
    };
    this.root.querySelector(".legend").append(button);
    return button;
  }

  guideKey() {
    const key = document.createElement("span");
    key.className = "guide";
    key.innerHTML = `<i></i><span></span><b></b>`;
    key.querySelector("span").textContent = this.spec.guide_label;
    key.querySelector("b").textContent = this.format(this.spec.guide);
    this.root.querySelector(".legend").append(key);
  }

  options() {
    const { spec, shared } = this;
    const colour = (role) => () => shared.colours()[role];
    const axis = { stroke: colour("quiet"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false } };
    axis.font = `11px ${shared.colours().font}`;
    const named = { labelSize: 16, labelGap: 0, labelFont: axis.font };
    const across = spec.last ? { size: 20, label: "training steps", ...named } : { size: 20 };
    return {
      width: this.box.clientWidth || 400,
      height: this.box.clientHeight || 120,
      legend: { show: false },
      padding: [6, 20, 0, 0],
      scales: { x: { time: false }, y: this.yScale() },
      axes: [
        { ...axis, ...across, gap: 3, space: 70, values: (_, ticks) => ticks.map((tick) => WHOLE.format(tick)) },
        { ...axis, size: 40, gap: 4, space: 28, label: spec.unit, ...named, ...(spec.log ? LOG_TICKS : {}) },
      ],
      series: [{}, ...spec.lines.flatMap((line) => [this.series(line, 1, 0.35), this.series(line, 2, 1)])],
      cursor: { sync: { key: shared.syncKey }, drag: { x: true, y: false, setScale: false }, points: { size: 6 } },
      hooks: {
        setSelect: [(plot) => this.selected(plot)],
        setCursor: [() => this.paintKeys()],
        drawAxes: [(plot) => this.drawGuides(plot)],
        draw: [(plot) => (this.box.dataset.steps = `${plot.scales.x.min}..${plot.scales.x.max}`)],
      },
    };
  }

  yScale() {
    const { low, high, log, guide } = this.spec;
    if (!log) return low === null ? {} : { range: [low, high] };
    // From below the guide to above the highest value, and never so near that noise fills the chart.
    const range = (_, min, max) => [Math.min(min ?? guide, guide) / 1.5, Math.max(max ?? 0, guide * 10) * 1.3];
    return { distr: 3, range };
  }

  series({ column, role }, width, alpha) {
    const { shared } = this;
    const stroke = () => shared.colours()[role];
    const single = (plot) => this.data[0].length < 40 && !this.spec.smooth;
    const points = { show: single, size: 6, width: 0, fill: stroke };
    return { stroke, width, alpha, points, spanGaps: true, show: !shared.hidden.has(column) };
  }

  selected(plot) {
    if (plot.select.width < 4) return;
    const from = plot.posToVal(plot.select.left, "x");
    const to = plot.posToVal(plot.select.left + plot.select.width, "x");
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.shared.zoomTo([from, to]);
  }

  drawGuides(plot) {
    const context = plot.ctx;
    const { left, top, width, height } = plot.bbox;
    context.save();
    context.lineWidth = window.devicePixelRatio || 1;
    context.strokeStyle = this.shared.colours()[this.spec.guide_role || "quiet"];
    context.beginPath();
    if (this.spec.guide !== null) {
      context.setLineDash([2, 4]);
      const y = Math.round(plot.valToPos(this.spec.guide, "y", true));
      context.moveTo(left, y);
      context.lineTo(left + width, y);
    }
    context.stroke();
    context.strokeStyle = this.shared.colours().quiet;
    const marker = this.shared.marker();
    if (marker !== null) {
      const x = Math.round(plot.valToPos(marker, "x", true));
      context.beginPath();
      context.setLineDash([]);
      if (x >= left && x <= left + width) {
        context.moveTo(x, top);
        context.lineTo(x, top + height);
      }
      context.stroke();
    }
    context.restore();
  }

  // `reach`: the step the axis goes to.
  update(columns, reach) {
    const { scale, lines, smooth } = this.spec;
    const steps = columns.step ?? [];
    this.reach = reach;
    const curves = lines.flatMap((line) => {
      const values = columns[line.column] ?? new Array(steps.length).fill(null);
      const scaled = scale === 1 ? values : values.map((value) => (value === null ? null : value * scale));
      return [scaled, smooth ? runningMean(scaled) : scaled];
    });
    this.data = [steps, ...curves];
    this.plot.setData(this.data, false);
    this.rescale();
    this.paintKeys();
    this.box.setAttribute("aria-label", this.description());
  }

  rescale() {
    const [min, max] = this.zoom ?? [0, Math.max(this.reach ?? 0, 10)];
    this.plot.setScale("x", { min, max });
  }

  setZoom(zoom) {
    this.zoom = zoom;
    this.rescale();
  }

  resize() {
    const [width, height] = [this.box.clientWidth, this.box.clientHeight];
    if (width && (width !== this.plot.width || height !== this.plot.height)) this.plot.setSize({ width, height });
  }

  repaint() {
    this.plot.redraw(false, true);
    this.paintKeys();
  }

  // The legend shows the value under the cursor, else the newest.
  paintKeys() {
    if (!this.plot) return;
    this.root.querySelector(".guide")?.style.setProperty("--key", this.shared.colours()[this.spec.guide_role]);
    const under = this.plot.cursor.idx;
    this.keys.forEach((key, index) => {
      const line = this.spec.lines[index];
      const values = this.data[2 * index + 2];
      const value = values[under ?? values.length - 1];
      const shown = !this.shared.hidden.has(line.column);
      key.setAttribute("aria-pressed", String(shown));
      key.style.setProperty("--key", this.shared.colours()[line.role]);
      key.querySelector("b").textContent = this.format(value);
    });
  }

  format(value) {
    if (value === null || value === undefined) return "–";
    if (this.spec.scale === 100) return `${Math.round(value)} %`;
    if (!this.spec.log) return value.toFixed(2);
    return value < 100 ? value.toFixed(1) : WHOLE.format(value);
  }

  description() {
    const last = this.spec.lines.map((line, i) => `${line.label} ${this.format(this.data[2 * i + 2].at(-1))}`);
    return `${this.spec.title}: chart over ${WHOLE.format(this.data[0].at(-1) ?? 0)} steps; now ${last.join(", ")}`;
  }
}

// The exponential running mean over about SMOOTH_POINTS points; gaps stay gaps.
function runningMean(values) {
  const keep = 1 - 2 / (SMOOTH_POINTS + 1);
  let [mean, weight] = [0, 0];
  return values.map((value) => {
    if (value === null) return null;
    mean = keep * mean + (1 - keep) * value;
    weight = keep * weight + 1 - keep;
    return mean / weight;
  });
}
