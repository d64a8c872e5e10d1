// The judge's block: two small curves, the digits that are drawn, and the words for both.

class Quality {
  // `spec` as from ui/quality.py; `shared` as for LineChart.
  constructor(parent, spec, shared) {
    this.spec = spec;
    this.root = document.createElement("section");
    this.root.className = "quality";
    this.root.innerHTML = `<header><h4></h4><span class="verdict" role="status"></span></header>
      <div class="trio"></div><p></p><p class="tested"></p>`;
    this.root.querySelector("h4").textContent = spec.title;
    this.root.querySelector("p").textContent = spec.reason ?? spec.hint;
    this.root.querySelector(".tested").textContent = spec.tested ?? "";
    this.verdict = this.root.querySelector(".verdict");
    parent.append(this.root);
    const trio = this.root.querySelector(".trio");
    this.charts = spec.charts.map((chart) => new LineChart(trio, chart, shared));
    if (spec.reason) return;
    this.bars = new DigitBars(trio, spec.shares);
    this.update([], 0, null);
  }

  // `reports` oldest first; the bars and the verdict speak of the newest at or before the step `chosen`.
  update(reports, reach, chosen) {
    if (this.spec.reason) return;
    this.root.dataset.reports = reports.length;
    const columns = { step: reports.map((report) => report.step) };
    for (const name of ["fd_lenet", "readable_share"]) columns[name] = reports.map((report) => report[name]);
    this.charts.forEach((chart) => chart.update(columns, reach));
    this.look(reports, chosen);
  }

  look(reports, chosen) {
    if (this.spec.reason) return;
    const report = chosen === null ? reports.at(-1) : reports.findLast(({ step }) => step <= chosen);
    this.bars.show(report);
    this.verdict.classList.toggle("lacks", Boolean(report?.missing_classes.length));
    if (report) this.verdict.textContent = `epoch ${report.epoch}: ${missingWords(report.missing_classes)}`;
    else this.verdict.textContent = reports.length ? "not judged yet at this step" : "first judged after epoch 1";
  }
}

function missingWords(digits) {
  if (!digits.length) return "all ten digits are there";
  return `missing: ${digits.join(", ")}`;
}

// Ten bars: the share of each digit among the generated ones; a tick where real digits have theirs.
class DigitBars {
  constructor(parent, shares) {
    this.shares = shares;
    this.root = document.createElement("section");
    this.root.className = "digits";
    const bars = shares.map((_, digit) => `<li><span class="room"><i></i><u></u></span><b>${digit}</b></li>`).join("");
    this.root.innerHTML = `<header><h5>Which digits it draws</h5><span class="legend"><span class="guide"><i></i>real</span></span>
      </header><ol role="img">${bars}</ol>`;
    parent.append(this.root);
    this.list = this.root.querySelector("ol");
  }

  show(report) {
    const drawn = report?.class_histogram ?? this.shares.map(() => 0);
    const top = 1.05 * Math.max(0.2, ...drawn);
    [...this.list.children].forEach((item, digit) => {
      item.style.setProperty("--share", drawn[digit] / top);
      item.style.setProperty("--real", this.shares[digit] / top);
      item.classList.toggle("lacks", Boolean(report?.missing_classes.includes(digit)));
      item.title = report ? `${percent(drawn[digit])} are a ${digit}; of real digits ${percent(this.shares[digit])}` : "";
    });
    const words = drawn.map((share, digit) => `${digit}: ${percent(share)}`).join(", ");
    this.list.setAttribute("aria-label", report ? `Share of each digit among the generated ones. ${words}` : "Not judged yet");
  }
}

function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}
