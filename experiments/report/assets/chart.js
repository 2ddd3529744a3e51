/* A small plotter: curves with bands on linear or log axes, as SVG. Drag to zoom, hover to read, keys and buttons too. */
"use strict";
const DASHES = ["", "7 4", "8 3 2 3", "2 3", "12 3", "6 2 2 2 2 2", "3 2", "14 6"];
const MARGIN = { right: 14, top: 12, bottom: 40 };
const FEW = 20;  // points of a curve that are worth a dot each
const SVG = "http://www.w3.org/2000/svg";

function make(name, attributes, parent) {
  const node = document.createElementNS(SVG, name);
  for (const key in attributes) node.setAttribute(key, attributes[key]);
  if (parent) parent.appendChild(node);
  return node;
}

function element(name, attributes, parent, text) {
  const node = document.createElement(name);
  for (const key in attributes || {}) node.setAttribute(key, attributes[key]);
  if (text !== undefined) node.textContent = text;
  if (parent) parent.appendChild(node);
  return node;
}

function short(value, digits = 5) {
  if (value === null || !isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e15 || size < 1e-6) return value.toExponential(3);
  return Number(value.toPrecision(size >= 1000 ? Math.max(digits, 5) : digits)).toLocaleString("en-US", { maximumFractionDigits: 10 });
}

function linearTicks(low, high, wanted, whole) {
  const raw = (high - low) / Math.max(wanted, 1);
  const power = Math.pow(10, Math.floor(Math.log10(raw)));
  const step = Math.max(power * [1, 2, 5, 10].find((factor) => factor * power >= raw * 0.999), whole ? 1 : 0);
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) ticks.push(k * step);
  return ticks;
}

function logTicks(low, high) {
  const few = Math.log10(high / low) <= 2.6;
  const ticks = [];
  for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++)
    for (const factor of few ? [1, 2, 5] : [1]) {
      const value = factor * Math.pow(10, e);
      if (value >= low * 0.999999 && value <= high * 1.000001) ticks.push(value);
    }
  return ticks;
}

function firstAbove(xs, value) {  // the first index whose x is above value
  let low = 0, high = xs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (xs[middle] > value) high = middle; else low = middle + 1;
  }
  return low;
}

function wrapped(text, letters) {  // lines of whole words, a unit in brackets being one, with at most so many letters
  const lines = [""];
  for (const word of text.match(/\[[^\]]*\]|\S+/g) || []) {
    const last = lines[lines.length - 1];
    if (!last || last.length + 1 + word.length <= letters) lines[lines.length - 1] = last ? last + " " + word : word;
    else lines.push(word);
  }
  return lines;
}

class Chart {
  constructor(figure, panel) {
    this.panel = panel;
    this.figure = figure;
    this.hidden = new Set();
    this.full = this.extent();
    this.view = this.full.slice();
    this.number = Chart.count = (Chart.count || 0) + 1;
    this.build();
    this.draw();
    this.width = this.plot.clientWidth;
    new ResizeObserver(() => {
      if (this.plot.clientWidth && this.plot.clientWidth !== this.width) { this.width = this.plot.clientWidth; this.draw(); }
    }).observe(this.plot);
  }

  extent() {
    let low = Infinity, high = -Infinity;
    for (const curve of this.panel.curves)
      for (const x of curve.x) if (!this.panel.x_log || x > 0) { low = Math.min(low, x); high = Math.max(high, x); }
    for (const [, x] of this.panel.x_lines) { low = Math.min(low, x); high = Math.max(high, x); }
    if (!(low < high)) { low = low - 1 || 0; high = low + 2; }
    return [low, high];
  }

  build() {
    const { panel, figure } = this;
    const head = element("div", { class: "head" }, figure);
    element("h3", {}, head, panel.title);
    const tools = element("div", { class: "tools", role: "group", "aria-label": "Zoom of " + panel.title }, head);
    const press = (name, label, act) =>
      element("button", { type: "button", "aria-label": label, title: label }, tools, name).addEventListener("click", act);
    press("+", "Zoom in", () => this.zoom(0.5));
    press("−", "Zoom out", () => this.zoom(2));
    press("Reset", "Show all", () => this.show(this.full));
    this.plot = element("div", { class: "plot", tabindex: "0", role: "group", "aria-label":
      panel.title + ": " + panel.y_label + " over " + panel.x_label + ". Keys: + and - zoom, arrows move, 0 shows all." }, figure);
    this.tip = element("div", { class: "tip", hidden: "" }, this.plot);
    this.legend = element("ul", { class: "legend" }, figure);
    panel.curves.forEach((curve, index) => {
      const item = element("button", { type: "button", "aria-pressed": "true", title: "Show or hide" }, element("li", {}, this.legend));
      const swatch = make("svg", { viewBox: "0 0 46 12", "aria-hidden": "true" }, item);
      make("line", { x1: 0, y1: 6, x2: 46, y2: 6, "stroke-width": curve.plain ? 1.2 : 2.4, ...this.look(index) }, swatch);
      element("span", {}, item, curve.label);
      item.addEventListener("click", () => {
        if (!this.hidden.delete(index)) this.hidden.add(index);
        item.setAttribute("aria-pressed", String(!this.hidden.has(index)));
        this.draw();
      });
    });
    if (panel.note) element("p", { class: "note" }, figure, panel.note);
    this.listen();
  }

  look(index) {
    if (this.panel.curves[index].plain) return { stroke: "var(--ink)" };
    const colour = { stroke: "var(--c" + (index % 8) + ")" };
    return DASHES[index % 8] ? { ...colour, "stroke-dasharray": DASHES[index % 8] } : colour;
  }

  listen() {
    const { plot } = this;
    let from = null;
    const at = (event) => this.inverse(event.clientX - plot.getBoundingClientRect().left);
    plot.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "touch" || event.button !== 0) return;
      from = at(event);
      plot.setPointerCapture(event.pointerId);
    });
    plot.addEventListener("pointermove", (event) => { this.hover(at(event), from); });
    plot.addEventListener("pointerup", (event) => {
      if (from === null) return;
      const to = at(event), start = from;
      from = null;
      if (Math.abs(this.place(to) - this.place(start)) > 5) this.show([Math.min(start, to), Math.max(start, to)]);
      else this.hover(to, null);
    });
    plot.addEventListener("pointercancel", () => { from = null; });
    plot.addEventListener("pointerleave", () => { if (from === null) this.hover(null, null); });
    plot.addEventListener("dblclick", () => this.show(this.full));
    plot.addEventListener("keydown", (event) => {
      const act = {
        "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2), 0: () => this.show(this.full),
        Escape: () => this.show(this.full), ArrowLeft: () => this.move(-0.2), ArrowRight: () => this.move(0.2),
      }[event.key];
      if (act && !event.ctrlKey && !event.metaKey && !event.altKey) { event.preventDefault(); act(); }
    });
  }

  warp(x) { return this.panel.x_log ? Math.log10(Math.max(x, 1e-300)) : x; }
  unwarp(u) { return this.panel.x_log ? Math.pow(10, u) : u; }
  place(x) {
    const [a, b] = this.view.map((v) => this.warp(v));
    return this.left + (this.warp(x) - a) / (b - a) * (this.w - this.left - MARGIN.right);
  }
  inverse(px) {
    const [a, b] = this.view.map((v) => this.warp(v));
    const share = (px - this.left) / (this.w - this.left - MARGIN.right);
    return this.unwarp(a + Math.min(Math.max(share, 0), 1) * (b - a));
  }

  zoom(factor) {
    const [a, b] = this.view.map((v) => this.warp(v));
    const middle = (a + b) / 2, half = (b - a) / 2 * factor;
    this.show([this.unwarp(middle - half), this.unwarp(middle + half)]);
  }
  move(share) {
    const [a, b] = this.view.map((v) => this.warp(v));
    const [least, most] = this.full.map((v) => this.warp(v));
    const by = Math.min(Math.max(share * (b - a), least - a), most - b);
    this.show([this.unwarp(a + by), this.unwarp(b + by)]);
  }
  show(view) {
    const [least, most] = this.full;
    const next = [Math.max(view[0], least), Math.min(view[1], most)];
    if (this.warp(next[1]) - this.warp(next[0]) < 1e-9 * (this.warp(most) - this.warp(least))) return;
    this.view = next;
    this.draw();
  }

  yRange() {
    const { panel } = this;
    let low = Infinity, high = -Infinity;
    const take = (value) => {
      if (value === null || (panel.y_log && value <= 0)) return;
      low = Math.min(low, value); high = Math.max(high, value);
    };
    panel.curves.forEach((curve, index) => {
      if (this.hidden.has(index)) return;
      const start = Math.max(firstAbove(curve.x, this.view[0]) - 1, 0), end = firstAbove(curve.x, this.view[1]);
      for (let k = start; k < end; k++) take(curve.y[k]);
      for (let k = start; curve.high && k < end; k++)
        take(curve.high[k]);
    });
    for (const [, value] of [...panel.lines, ...panel.ends]) take(value);
    if (low > high) return panel.y_log ? [0.1, 1] : [0, 1];
    if (panel.y_log) return [low * 0.8, high * 1.25];
    low = Math.min(low, 0);
    return [low, high > low ? low + (high - low) * 1.06 : low + 1];
  }

  draw() {
    const { panel } = this;
    this.w = Math.max(this.plot.clientWidth || 640, 240);
    this.h = Math.round(Math.min(Math.max(this.w * 0.56, 220), 360));
    const [bottom, top] = this.yRange();
    const flat = (value) => (panel.y_log ? Math.log10(Math.max(value, bottom)) : value);
    const rise = (value) =>
      this.h - MARGIN.bottom - (flat(value) - flat(bottom)) / (flat(top) - flat(bottom)) * (this.h - MARGIN.bottom - MARGIN.top);
    this.rise = rise;
    const yTicks = panel.nothing ? [0] : panel.y_log ? logTicks(bottom, top) : linearTicks(bottom, top, this.h / 45);
    const sides = wrapped(panel.y_label, (this.h - MARGIN.bottom - MARGIN.top) / 6.1);
    this.left = 16 + 14 * sides.length + 6.8 * Math.max(3, ...yTicks.map((y) => short(y).length));
    if (this.svg) this.svg.remove();
    const svg = this.svg = make("svg", { viewBox: "0 0 " + this.w + " " + this.h, role: "img", "aria-label": this.spoken() });
    this.plot.insertBefore(svg, this.tip);
    const right = this.w - MARGIN.right, low = this.h - MARGIN.bottom;
    const clip = "clip" + this.number;
    make("rect", { x: this.left, y: MARGIN.top - 4, width: right - this.left, height: low - MARGIN.top + 5 },
      make("clipPath", { id: clip }, make("defs", {}, svg)));
    const label = (x, y, text, anchor, kind) => {
      const most = Math.floor((right - this.left) / 6.6), node = make("text", { x, y, "text-anchor": anchor, class: kind || "" }, svg);
      node.textContent = text.length > most ? text.slice(0, most - 1) + "…" : text;
      if (text.length > most) make("title", {}, node).textContent = text;
    };
    for (const y of yTicks) {
      make("line", { class: "grid", x1: this.left, x2: right, y1: rise(y), y2: rise(y) }, svg);
      label(this.left - 6, rise(y) + 4, short(y), "end", "y-tick");
    }
    let last = -Infinity;
    for (const x of panel.x_log ? logTicks(...this.view) : linearTicks(...this.view, this.w / 80, panel.x_whole)) {
      const at = this.place(x);
      make("line", { class: "grid", x1: at, x2: at, y1: MARGIN.top, y2: low }, svg);
      const half = 3.4 * short(x).length;
      if (at - half < last + 8) continue;
      last = Math.min(at + half, this.w);
      label(last - half, low + 16, short(x), "middle", "x-tick");
    }
    wrapped(panel.nothing, (right - this.left) / 6.4).forEach((text, line) =>
      label((this.left + right) / 2, (MARGIN.top + low) / 2 + 15 * line, text, "middle", "nothing"));
    make("line", { class: "axis", x1: this.left, x2: right, y1: low, y2: low }, svg);
    label((this.left + right) / 2, this.h - 6, panel.x_label, "middle", "x-label");
    sides.forEach((text, line) => make("text", { transform: "translate(" + (13 + 14 * line) + " " + (MARGIN.top + low) / 2 + ") rotate(-90)",
      "text-anchor": "middle", class: "y-label" }, svg).textContent = text);
    const inner = make("g", { "clip-path": "url(#" + clip + ")" }, svg);
    for (const [name, y] of panel.lines) {
      make("line", { class: "reference", x1: this.left, x2: right, y1: rise(y), y2: rise(y) }, inner);
      if (this.nearest(y, 0) > this.nearest(y, 1)) label(this.left + 4, rise(y) - 4, name, "start");
      else label(right - 2, rise(y) - 4, name, "end");
    }
    if (this.view[1] === this.full[1]) for (const [name, y] of panel.ends) {
      // from outside: it holds at the end alone, and no curve is above or below it
      make("path", { class: "end", d: "M" + right + " " + rise(y) + "l8 -4.5v9Z" }, svg);
      label(right - 2, rise(y) - 4, name, "end");
    }
    for (const [name, x] of panel.x_lines) if (x >= this.view[0] && x <= this.view[1]) {
      make("line", { class: "reference", x1: this.place(x), x2: this.place(x), y1: MARGIN.top, y2: low }, inner);
      const late = this.place(x) > 0.7 * this.w;
      label(this.place(x) + (late ? -4 : 4), low - 6, name, late ? "end" : "start");
    }
    panel.curves.forEach((curve, index) => {
      if (this.hidden.has(index)) return;
      if (curve.high && !panel.upper_line)
        make("path", { class: "band", fill: this.look(index).stroke, d: this.band(curve) }, inner);
      if (curve.high && panel.upper_line)
        make("path", { class: "curve thin", ...this.look(index), d: this.path(curve, curve.high) }, inner);
      make("path", { class: "curve" + (curve.plain ? " thin" : ""), ...this.look(index), d: this.path(curve, curve.y) }, inner);
      if (!curve.steps && curve.x.length <= FEW)
        for (const k of this.seen(curve, curve.y)) if (curve.y[k] !== null)
          make("circle", { cx: this.place(curve.x[k]), cy: rise(curve.y[k]), r: 2.6, fill: this.look(index).stroke }, inner);
    });
    this.over = make("g", {}, svg);
    this.plot.dataset.from = this.view[0];
    this.plot.dataset.to = this.view[1];
  }

  /* How far the nearest curve is from `y` over the left (0) or the right (1) third of what is seen [pixels]. */
  nearest(y, side) {
    const [a, b] = this.view.map((v) => this.warp(v)), from = a + side * (b - a) * 2 / 3;
    let least = Infinity;
    this.panel.curves.forEach((curve, index) => {
      if (this.hidden.has(index)) return;
      for (let step = 0; step <= 6; step++) {
        const k = this.value(curve, this.unwarp(from + (b - a) / 3 * step / 6));
        if (k >= 0 && curve.y[k] !== null) least = Math.min(least, Math.abs(this.rise(curve.y[k]) - this.rise(y)));
      }
    });
    return least;
  }

  /* The points in view; where many fall on one column of pixels, the first, lowest, highest and last of them. */
  seen(curve, ys) {
    const start = Math.max(firstAbove(curve.x, this.view[0]) - 2, 0), end = Math.min(firstAbove(curve.x, this.view[1]) + 1, curve.x.length);
    const points = [];
    if (end - start <= 4 * this.w) {
      for (let k = start; k < end; k++) points.push(k);
      return points;
    }
    for (let k = start; k < end;) {
      const column = Math.floor(this.place(curve.x[k]));
      let least = k, most = k, next = k;
      for (; next < end && Math.floor(this.place(curve.x[next])) === column; next++) {
        if (ys[next] < ys[least]) least = next;
        if (ys[next] > ys[most]) most = next;
      }
      points.push(...[...new Set([k, least, most, next - 1])].sort((a, b) => a - b));
      k = next;
    }
    return points;
  }

  path(curve, ys) {
    let text = "", open = false;
    for (const k of this.seen(curve, ys)) {
      if (ys[k] === null) { open = false; continue; }
      const x = this.place(curve.x[k]).toFixed(1), y = this.rise(ys[k]).toFixed(1);
      text += !open ? "M" + x + " " + y : curve.steps ? "H" + x + "V" + y : "L" + x + " " + y;
      open = true;
    }
    return text;
  }

  band(curve) {
    const upper = [], lower = [];
    let before = null;
    for (const k of this.seen(curve, curve.high)) {
      if (curve.low[k] === null || curve.high[k] === null) continue;
      const x = this.place(curve.x[k]).toFixed(1);
      if (curve.steps && before !== null) { upper.push(x + " " + before[0]); lower.push(x + " " + before[1]); }
      before = [this.rise(curve.high[k]).toFixed(1), this.rise(curve.low[k]).toFixed(1)];
      upper.push(x + " " + before[0]); lower.push(x + " " + before[1]);
    }
    return upper.length ? "M" + upper.join("L") + "L" + lower.reverse().join("L") + "Z" : "";
  }

  value(curve, x) {
    const after = firstAbove(curve.x, x);
    let k = after - 1;
    if (!curve.steps && after < curve.x.length && (k < 0 || curve.x[after] - x < x - curve.x[k])) k = after;
    return k < 0 ? -1 : k;
  }

  hover(x, from) {
    this.over.textContent = "";
    this.tip.hidden = x === null;
    if (x === null) return;
    const { panel } = this, low = this.h - MARGIN.bottom, at = this.place(x);
    if (from !== null) {
      const a = Math.min(this.place(from), at), b = Math.max(this.place(from), at);
      make("rect", { class: "picked", x: a, y: MARGIN.top, width: b - a, height: low - MARGIN.top }, this.over);
    }
    make("line", { class: "cross", x1: at, x2: at, y1: MARGIN.top, y2: low }, this.over);
    this.tip.textContent = "";
    element("b", {}, this.tip, panel.x_label + ": " + short(x));
    panel.curves.forEach((curve, index) => {
      const k = this.hidden.has(index) ? -1 : this.value(curve, x);
      if (k < 0 || curve.y[k] === null) return;
      let text = curve.label + ": " + short(curve.y[k]);
      if (curve.high && curve.high[k] !== null)
        text += panel.upper_line ? " (up to " + short(curve.high[k]) + ")" : " [" + short(curve.low[k]) + ", " + short(curve.high[k]) + "]";
      element("span", {}, this.tip, text);
      const y = this.rise(curve.y[k]);
      if (y >= MARGIN.top - 1 && y <= low + 1)
        make("circle", { cx: curve.steps ? at : this.place(curve.x[k]), cy: y, r: 3.5, fill: this.look(index).stroke }, this.over);
    });
    const width = this.tip.offsetWidth;
    this.tip.style.left = Math.max(0, at + 14 + width < this.w ? at + 14 : at - 14 - width) + "px";
    this.tip.style.top = MARGIN.top + "px";
  }

  spoken() {
    const ends = this.panel.curves.map((curve) => curve.label + " ends at " + short(curve.y[curve.y.length - 1]));
    return this.panel.title + ". " + this.panel.y_label + " over " + this.panel.x_label + " from " + short(this.view[0]) + " to " +
      short(this.view[1]) + ". " + ends.join("; ") + ".";
  }
}

/* A heat map on a canvas: bytes 0..255 of the largest value; hover tells the value. */
function heatMap(figure, map) {
  element("h3", {}, figure, map.title);
  const plot = element("div", { class: "plot" }, figure);
  const rows = map.names.length, columns = map.columns;
  const bytes = Uint8Array.from(atob(map.values), (c) => c.charCodeAt(0));
  const canvas = element("canvas", { role: "img", width: columns, height: rows, "aria-label": map.title + ": " + map.value_label + " by name and " + map.x_label }, plot);
  canvas.style.height = Math.min(Math.max(rows * 14, 90), 420) + "px";
  canvas.style.imageRendering = "pixelated";
  const context = canvas.getContext("2d"), image = context.createImageData(columns, rows);
  const stops = [[255, 255, 217], [199, 233, 180], [65, 182, 196], [34, 94, 168], [8, 29, 88]];
  const shade = (value) => {
    const place = value / 255 * (stops.length - 1), base = Math.min(Math.floor(place), stops.length - 2);
    return [0, 1, 2].map((c) => stops[base][c] + (place - base) * (stops[base + 1][c] - stops[base][c])).concat(255);
  };
  bytes.forEach((value, k) => image.data.set(shade(value), 4 * k));
  context.putImageData(image, 0, 0);
  const tip = element("div", { class: "tip", hidden: "" }, plot);
  plot.addEventListener("pointermove", (event) => {
    const box = canvas.getBoundingClientRect();
    const column = Math.min(Math.max(Math.floor((event.clientX - box.left) / box.width * columns), 0), columns - 1);
    const row = Math.min(Math.max(Math.floor((event.clientY - box.top) / box.height * rows), 0), rows - 1);
    tip.hidden = false;
    tip.textContent = "";
    element("b", {}, tip, map.names[row]);
    const from = map.from + (map.to - map.from) * column / columns, to = map.from + (map.to - map.from) * (column + 1) / columns;
    element("span", {}, tip, map.x_label + ": " + short(from) + " to " + short(to));
    element("span", {}, tip, map.value_label + ": " + short(Math.round(bytes[row * columns + column] / 255 * map.largest * 10) / 10));
    tip.style.left = Math.min(Math.max(event.clientX - box.left + 12, 0), Math.max(box.width - tip.offsetWidth, 0)) + "px";
    tip.style.top = Math.max(event.clientY - box.top - 70, 0) + "px";
  });
  plot.addEventListener("pointerleave", () => { tip.hidden = true; });
  const scale = element("p", { class: "scale" }, figure);
  element("span", {}, scale, map.value_label + ": 0");
  const colours = element("canvas", { width: 256, height: 1, role: "img", "aria-label": "Colour scale from light, 0, to dark, " + short(map.largest) }, scale);
  const shades = colours.getContext("2d"), ramp = shades.createImageData(256, 1);
  for (let k = 0; k < 256; k++) ramp.data.set(shade(k), 4 * k);
  shades.putImageData(ramp, 0, 0);
  element("span", {}, scale, short(map.largest) + (map.largest < 100 && map.value_label.includes("%") ? " (the scale ends there, not at 100)" : ""));
  element("p", { class: "note" }, figure, "The darker, the more is reserved. " + map.names[0] + " on top to " + map.names[rows - 1] + "; " +
    map.x_label + " " + short(map.from) + " to " + short(map.to));
}
