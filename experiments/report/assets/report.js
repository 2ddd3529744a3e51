/* Tables that sort and are searched page by page, and everything put in its place. Text only ever goes in as text. */
const PAGE = 50;
const data = JSON.parse(document.getElementById("data").textContent);

const COLLATOR = new Intl.Collator("en", { numeric: true });
function inOrder(a, b) {  // what is empty comes last, whatever the direction
  if (a === b) return 0;
  return typeof a === "number" && typeof b === "number" ? a - b : COLLATOR.compare(a, b);
}
const empty = (value) => value === null || value === "";

function heading(row, { label, number, meaning, name }, sort) {
  const cell = element("th", { scope: "col", "aria-sort": "none", class: number ? "number" : "" }, row);
  if (meaning) cell.title = meaning;
  if (name) cell.dataset.name = name;
  element("button", { type: "button" }, cell, label).addEventListener("click", () => {
    const down = cell.getAttribute("aria-sort") === "ascending";
    for (const other of row.children) other.setAttribute("aria-sort", "none");
    cell.setAttribute("aria-sort", down ? "descending" : "ascending");
    sort(down ? -1 : 1);
  });
}

/* Tables that stand in the page: their rows are moved. */
function sortable(table) {
  const row = table.tHead.rows[0], body = table.tBodies[0];
  const heads = [...row.cells].map((cell) =>
    ({ label: cell.textContent, number: cell.classList.contains("number"), meaning: cell.title }));
  row.textContent = "";
  heads.forEach((head, column) => heading(row, head, (sign) => {
    const value = (line) => {
      const cell = line.cells[column], exact = cell.dataset.value;
      return exact === undefined ? cell.textContent : exact === "" ? null : head.number ? Number(exact) : exact;
    };
    [...body.rows].map((line) => [value(line), line])
      .sort(([a], [b]) => empty(a) - empty(b) || sign * inOrder(a, b))
      .forEach(([, line]) => body.appendChild(line));
  }));
}

/* Tables that are held as columns: only one page of them is ever in the document. */
class Table {
  constructor(place, table) {
    this.table = table;
    this.rows = Uint32Array.from({ length: table.rows }, (_, k) => k);
    this.order = this.rows;
    this.page = 0;
    this.columns = table.columns.map((column) => {
      const get = column.words ? (k) => column.words[column.index[k]] : (k) => column.values[k];
      return { ...column, get, number: column.kind === "number" };
    });
    const find = element("div", { class: "find" }, place);
    const label = element("label", {}, find, "Search ");
    this.input = element("input", { type: "search", placeholder: table.hint, "aria-label": "Search in " + table.title }, label);
    this.chosen = 0;  // bits of the kinds of rows to show; 0: all
    if (table.filter) this.choice(find, table.filter);
    this.status = element("span", { class: "soft", role: "status" }, find);
    const pager = element("span", { class: "pager" }, find);
    const press = (text, name, by) => {
      const button = element("button", { type: "button", "aria-label": name }, pager, text);
      button.addEventListener("click", () => { this.page += by; this.fill(); });
      return button;
    };
    this.back = press("‹", "Page before", -1);
    this.next = press("›", "Next page", 1);
    if (table.notice) element("p", { class: "notice" }, place, table.notice);
    const shown = element("table", { class: "lines" }, element("div", { class: "scroll tall", tabindex: "0", role: "region", "aria-label": table.title }, place));
    element("caption", { hidden: "" }, shown, table.title);
    const row = element("tr", {}, element("thead", {}, shown));
    this.body = element("tbody", {}, shown);
    this.columns.forEach((column) => heading(row, column, (sign) => {
      this.order = this.order.slice().sort((a, b) => {
        const first = column.get(a), second = column.get(b);
        return empty(first) - empty(second) || sign * inOrder(first, second) || a - b;
      });
      this.search();
    }));
    let waiting = 0;
    this.input.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(() => this.search(), 120); });
    this.search();
  }

  choice(find, { by, names, bits }) {
    const label = element("label", {}, find, by[0].toUpperCase() + by.slice(1) + " ");
    const select = element("select", { "aria-label": by + " in " + this.table.title }, label);
    element("option", { value: 0 }, select, "all");
    names.forEach((name, place) => {
      const many = bits.reduce((sum, own) => sum + (own >> place & 1), 0);
      if (many) element("option", { value: 1 << place }, select, name + " (" + many.toLocaleString("en-US") + ")");
    });
    select.addEventListener("change", () => { this.chosen = Number(select.value); this.search(); });
  }

  text(k) {
    if (!this.texts) this.texts = new Array(this.table.rows);
    if (this.texts[k] === undefined)
      this.texts[k] = this.columns.filter((column) => !column.number).map((column) => column.get(k) || "").join("\n").toLowerCase();
    return this.texts[k];
  }

  search() {
    const words = this.input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const bits = this.chosen ? this.table.filter.bits : null;
    this.rows = !words.length && !bits ? this.order :
      this.order.filter((k) => (!bits || bits[k] & this.chosen) && words.every((word) => this.text(k).includes(word)));
    this.page = 0;
    this.fill();
  }

  fill() {
    const pages = Math.max(Math.ceil(this.rows.length / PAGE), 1);
    this.page = Math.min(Math.max(this.page, 0), pages - 1);
    const start = this.page * PAGE, end = Math.min(start + PAGE, this.rows.length);
    this.body.textContent = "";
    for (let place = start; place < end; place++) {
      const row = element("tr", {}, this.body);
      for (const column of this.columns) {
        const value = column.get(this.rows[place]);
        const cell = element("td", { class: column.kind }, row,
          value === null ? "" : column.number ? short(value / (column.per || 1), 4) : value);
        if (column.number && value !== null) { cell.dataset.value = value; cell.title = value + (column.unit ? " " + column.unit : ""); }
      }
    }
    const all = this.table.rows.toLocaleString("en-US"), found = this.rows.length.toLocaleString("en-US");
    this.status.textContent = this.rows.length === 0 ? "none of " + all :
      (start + 1).toLocaleString("en-US") + "–" + end.toLocaleString("en-US") + " of " + found + (found === all ? "" : " found in " + all);
    this.back.disabled = this.page === 0;
    this.next.disabled = this.page === pages - 1;
  }
}

for (const bar of document.querySelectorAll("i[data-share]")) bar.style.width = 100 * bar.dataset.share + "%";
document.querySelectorAll("table.sortable").forEach(sortable);
const figures = document.querySelector(".figures");
if (figures) {
  for (const panel of data.panels) new Chart(element("figure", { "data-name": panel.name }, figures), panel);
  for (const map of data.maps) heatMap(element("figure", { "data-name": map.name }, figures), map);
}
for (const table of data.tables) new Table(document.getElementById(table.name + "-table"), table);
document.documentElement.dataset.ready = "true";
