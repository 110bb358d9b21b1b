"use strict";
(() => {
  const body = document.querySelector("#trade-table tbody");
  if (!body) return;
  const { columns, rows } = JSON.parse(document.getElementById("trades").textContent);
  const perPage = 25;
  const shown = { column: 0, isUp: false, page: 0, choices: {}, result: "" };
  const place = (label) => columns.findIndex((one) => one.label === label);
  const net = place("Net");

  const make = (tag, text, attributes = {}) => {
    const element = document.createElement(tag);
    element.textContent = text;
    for (const [name, word] of Object.entries(attributes)) element.setAttribute(name, word);
    return element;
  };

  const number = (value, digits) => value.toLocaleString("en-US", digits).replace("-", "−");
  const text = {
    count: (value) => number(value, { maximumFractionDigits: 0 }),
    choice: (value) => value,
    time: (value) => new Date(value).toISOString().slice(0, 16).replace("T", " "),
    price: (value) => number(value, { minimumSignificantDigits: 7, maximumSignificantDigits: 7 }),
    share: (value) => `${number(100 * value, { minimumFractionDigits: 2, maximumFractionDigits: 2 })}\u00a0%`,
  };

  const chosen = () => rows.filter((row) =>
    Object.entries(shown.choices).every(([column, choice]) => !choice || row[column] === choice) &&
    (!shown.result || (row[net] > 0) === (shown.result === "won")));

  /* What is undefined stands last in either direction. */
  const sorted = (some) => [...some].sort((one, other) => {
    const [a, b] = [one[shown.column], other[shown.column]];
    if (a === null || b === null) return (a === null) - (b === null);
    return (a < b ? -1 : a > b ? 1 : 0) * (shown.isUp ? 1 : -1);
  });

  const cell = (value, { kind, label }) => {
    const element = make("td", value === null ? "–" : text[kind](value));
    if (kind === "choice") element.className = "text";
    if (label.startsWith("Net") && value !== null && value !== 0) element.className = value > 0 ? "gain" : "loss";
    return element;
  };

  const draw = () => {
    const some = sorted(chosen());
    const nPages = Math.max(Math.ceil(some.length / perPage), 1);
    shown.page = Math.min(shown.page, nPages - 1);
    const start = shown.page * perPage;
    body.replaceChildren(...some.slice(start, start + perPage).map((row) => {
      const line = document.createElement("tr");
      line.append(...row.map((value, position) => cell(value, columns[position])));
      return line;
    }));
    document.querySelectorAll("#trade-table th").forEach((head, position) => {
      head.setAttribute("aria-sort", position !== shown.column ? "none" : shown.isUp ? "ascending" : "descending");
    });
    const [back, where, next] = document.getElementById("trade-pages").children;
    back.disabled = shown.page === 0;
    next.disabled = shown.page === nPages - 1;
    where.textContent = some.length === 0 ? "no trade" :
      `${start + 1}–${Math.min(start + perPage, some.length)} of ${number(some.length)}`;
  };

  const heads = columns.map(({ label, kind }, position) => {
    const head = make("th", "", { scope: "col" });
    if (kind === "choice") head.className = "text";
    const button = make("button", label, { type: "button" });
    button.addEventListener("click", () => {
      shown.isUp = shown.column === position ? !shown.isUp : false;
      shown.column = position;
      shown.page = 0;
      draw();
    });
    head.append(button);
    return head;
  });
  const line = document.createElement("tr");
  line.append(...heads);
  document.querySelector("#trade-table thead").append(line);

  const select = (name, words, choose) => {
    const label = make("label", `${name} `);
    const list = document.createElement("select");
    list.append(make("option", "all", { value: "" }), ...words.map((word) => make("option", word, { value: word })));
    list.addEventListener("change", () => { choose(list.value); shown.page = 0; draw(); });
    label.append(list);
    return label;
  };
  const filters = ["Direction", "Why"].map((name) => {
    const column = place(name);
    const words = [...new Set(rows.map((row) => row[column]))].sort();
    return select(name, words, (word) => { shown.choices[column] = word; });
  });
  document.getElementById("trade-filters").append(...filters,
    select("Result", ["won", "lost"], (word) => { shown.result = word; }));

  const step = (words, by) => {
    const button = make("button", words, { type: "button" });
    button.addEventListener("click", () => { shown.page += by; draw(); });
    return button;
  };
  document.getElementById("trade-pages").append(step("Earlier page", -1), make("span", "", { "aria-live": "polite" }), step("Next page", 1));
  draw();
})();
