// Draws the page's charts from the JSON in it. Sets data-charts on the root element to the number drawn when done, and
// draws anew when the color scheme changes and for print.
"use strict";
(() => {
  const root = document.documentElement;
  const charts = JSON.parse(document.getElementById("chart-data").textContent);
  const drawn = [];

  const color = (name) => getComputedStyle(root).getPropertyValue(name).trim();

  const digits = (value) => (value < 9.995 ? value.toFixed(2) : value < 99.95 ? value.toFixed(1) : value.toFixed(0));
  const short = (text) => text.replace(/(\.\d*?)0+(?= |$)/, "$1").replace(/\.(?= |$)/, "");

  function seconds(value) {
    if (value === 0) return "0 s";
    if (value < 0.0009995) return `${(value * 1e6).toFixed(0)} us`;
    return value < 0.9995 ? `${digits(value * 1e3)} ms` : `${digits(value)} s`;
  }

  function bytes(value) {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = 0;
    for (; value >= 1024 && unit + 1 < units.length; unit += 1) value /= 1024;
    return `${unit === 0 ? value.toFixed(0) : value.toFixed(1)} ${units[unit]}`;
  }

  const places = (value) => (value < 0.1 ? 4 : value < 10 ? 2 : 0);
  const plain = (value) => value.toLocaleString("en-US", { maximumFractionDigits: places(value) });
  const FORMATS = {
    seconds,
    bytes,
    rate: (value) => `${plain(value)}/s`,
    count: plain,
    cores: plain,
    ratio: (value) => `${plain(value * 100)} %`,
  };

  function clock(value) {
    if (value < 120) return `${short(value.toFixed(1))} s`;
    const [h, m, s] = [Math.floor(value / 3600), Math.floor(value / 60) % 60, Math.floor(value) % 60];
    return (h ? `${h}h ${m}m` : `${m}m`) + (s ? ` ${s}s` : "");
  }

  const nines = (value) => `${short((100 * (1 - 10 ** -value)).toFixed(Math.max(0, Math.ceil(value) - 1)))} %`;
  const BINARY = Array.from({ length: 50 }, (_, power) => 2 ** power);
  const WHOLE = Array.from({ length: 36 }, (_, n) => [1, 2, 5][n % 3] * 10 ** Math.floor(n / 3));
  const TIMES = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];
  const NINES = [0, Math.log10(2), 1, 2, 3, 4, 5];

  function series(line, format) {
    const stroke = color(line.color);
    const one = {
      label: line.label,
      stroke,
      width: 1.75,
      spanGaps: false,
      value: (_, value) => (value == null ? "" : format(value)),
    };
    if (line.style === "dashed") one.dash = [4, 4];
    if (line.style === "area") one.fill = stroke + "26";
    if (line.style === "step") one.paths = uPlot.paths.stepped({ align: 1 });
    return one;
  }

  // uPlot asks for a range also when every value is a gap.
  function range(chart) {
    if (!chart.log) return (_, low, high) => [0, high > 0 ? high * 1.15 : 1];
    return (_, low, high) => (low > 0 ? [10 ** Math.floor(Math.log10(low)), high * 1.6] : [0.001, 1]);
  }

  function shadeWarmUp(chart) {
    return (u) => {
      if (!(chart.warm_up > 0)) return;
      const { left, top, width, height } = u.bbox;
      const end = Math.min(u.valToPos(chart.warm_up, "x", true), left + width);
      u.ctx.save();
      u.ctx.fillStyle = color("--band");
      u.ctx.fillRect(left, top, end - left, height);
      u.ctx.fillStyle = color("--muted");
      u.ctx.font = `${10 * devicePixelRatio}px system-ui, sans-serif`;
      u.ctx.textBaseline = "top";
      const label = "warm-up";
      const roomy = height > 170 * devicePixelRatio;
      if (roomy && u.ctx.measureText(label).width + 12 * devicePixelRatio < end - left) {
        u.ctx.fillText(label, left + 6 * devicePixelRatio, top + 5 * devicePixelRatio);
      }
      u.ctx.restore();
    };
  }

  function axes(chart, format) {
    const look = {
      stroke: color("--muted"),
      font: "11px system-ui, sans-serif",
      grid: { stroke: color("--grid"), width: 1 },
      ticks: { show: false },
    };
    const x = { ...look, grid: { show: false }, size: 30 };
    if (chart.axis === "nines") {
      x.splits = (u) => NINES.filter((at) => at <= u.scales.x.max + 1e-9);
      x.values = (_, splits) => splits.map(nines);
    } else {
      x.values = (_, splits) => splits.map(clock);
      x.incrs = TIMES;
      x.space = 70;
    }
    const y = { ...look, size: 62, space: 34, values: (_, splits) => splits.map((at) => (at == null ? null : short(format(at)))) };
    if (chart.unit === "bytes") y.incrs = BINARY;
    if (chart.unit === "count") y.incrs = WHOLE;
    if (chart.log) {
      y.filter = (_, splits) => splits.map((at) => (/^[125]/.test(at.toExponential()) ? at : null));
      y.grid = { ...look.grid, filter: y.filter };
    }
    return [x, y];
  }

  function options(chart, place) {
    const format = FORMATS[chart.unit] ?? plain;
    const first = chart.axis === "nines" ? 0 : Math.min(0, chart.x[0]);
    const last = Math.max(chart.reach, chart.x[chart.x.length - 1], first + 1);
    const time = chart.axis === "time";
    return {
      width: width(place),
      height: place.closest(".wide") ? 280 : place.closest(".small") ? 160 : 220,
      padding: [10, 14, 0, 0],
      scales: { x: { time: false, range: [first, last] }, y: { distr: chart.log ? 3 : 1, range: range(chart) } },
      cursor: { y: false, drag: { x: false, y: false }, sync: time ? { key: "time" } : undefined },
      legend: { live: true },
      series: [
        { label: time ? "at" : "percentile", value: (_, value) => (value == null ? "" : (time ? clock : nines)(value)) },
        ...chart.series.map((line) => series(line, format)),
      ],
      axes: axes(chart, format),
      hooks: { drawClear: [shadeWarmUp(chart)] },
    };
  }

  const width = (place) => Math.max(200, Math.floor(place.clientWidth));

  function draw() {
    drawn.splice(0).forEach((plot) => plot.destroy());
    for (const chart of charts) {
      const place = document.getElementById(chart.id);
      const data = [chart.x, ...chart.series.map((line) => line.values)];
      drawn.push(new uPlot(options(chart, place), data, place));
    }
    root.dataset.charts = String(drawn.length);
  }

  const resized = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const plot = drawn[charts.findIndex((chart) => chart.id === target.id)];
      if (plot && plot.width !== width(target)) plot.setSize({ width: width(target), height: plot.height });
    }
  });

  draw();
  charts.forEach((chart) => resized.observe(document.getElementById(chart.id)));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  addEventListener("beforeprint", () => { root.dataset.print = ""; draw(); });
  addEventListener("afterprint", () => { delete root.dataset.print; draw(); });
})();
