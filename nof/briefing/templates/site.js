"use strict";
// Search, filter, sort and mark rows of tables; what is chosen stands in the address. Everything is read from the page.
(() => {
  const find = (id) => document.getElementById(id);
  const form = find("find"), found = find("found"), words = find("words"), marked = find("marked");
  const selects = form ? [...form.querySelectorAll("select")] : [];
  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  const value = (cell) => cell.dataset.value ?? cell.textContent.trim();
  const number = (text) => Number.parseFloat(text.replace(/,/g, "").replace("\u2212", "-"));
  const noun = (of, count) => (count === 1 ? of.one : of.many);

  const tables = [...document.querySelectorAll("main table.nof")].filter((one) => one.tHead && one.tBodies[0]).map((element) => {
    const heads = [...element.tHead.rows[0].cells];
    const columns = selects.map((select) => heads.findIndex((head) => head.dataset.filter === select.dataset.filter));
    const rows = [...element.tBodies[0].rows].map((row) => ({
      element: row,
      trust: row.dataset.trust,
      name: plain(`${row.querySelector("th")?.textContent ?? ""} ${row.dataset.trust ?? ""}`),
      facts: columns.map((column) => (column < 0 ? "" : value(row.cells[column]))),
    }));
    return { element, heads, rows, box: element.closest(".table"), section: element.closest(".league") };
  });
  const ofTrusts = tables.filter((table) => table.rows.some((row) => row.trust));

  // ---- the address ----
  const address = new URLSearchParams(location.search);
  const keep = (chosen) => {
    for (const [name, text] of Object.entries(chosen)) {
      if (text) address.set(name, text);
      else address.delete(name);
    }
    const query = address.toString();
    try {
      history.replaceState(null, "", (query ? `?${query}` : location.pathname) + location.hash);
    } catch { /* a page without an address of its own */ }
  };

  // What a screen reader hears waits for a pause, so that typing is not talked over.
  let waiting = 0;
  const say = (text, chosen) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      if (chosen) keep(chosen);
      if (found && text !== undefined && found.textContent !== text) found.textContent = text;
    }, 250);
  };
  const chosen = () => Object.fromEntries([["find", words.value.trim()], ...selects.map((one) => [one.id, one.value])]);

  // ---- search and filter ----
  // Shows the rows that fit; returns how many trusts those are, in words.
  const filter = () => {
    const wanted = plain(words.value).split(/\s+/).filter(Boolean);
    const picked = selects.map((select) => select.value);
    const all = new Set(), shown = new Set(), split = [];
    for (const table of ofTrusts) {
      let count = 0;
      for (const row of table.rows) {
        const fits = wanted.every((word) => row.name.includes(word))
          && picked.every((one, place) => one === "" || one === row.facts[place]);
        row.element.hidden = !fits;
        count += fits;
        all.add(row.trust);
        if (fits) shown.add(row.trust);
      }
      const { section, box } = table;
      if (section) {
        box.hidden = count === 0;
        section.querySelector(".shown").textContent =
          `${count} of ${table.rows.length} ${noun(section.dataset, table.rows.length)} shown`;
        if (count) split.push(`${count} ${section.dataset.kind}`);
      } else {
        table.none ??= box.appendChild(Object.assign(document.createElement("p"),
          { className: "remark", textContent: "No row of this table fits the search." }));
        table.none.hidden = count > 0;
      }
    }
    document.body.classList.toggle("searching", wanted.length + picked.filter(Boolean).length > 0);
    const kinds = document.querySelectorAll(".league").length > 1 && split.length ? `: ${split.join(", ")}` : "";
    return `${shown.size} of ${all.size} ${noun(form.dataset, all.size)} shown${kinds}.`;
  };

  // ---- sort ----
  const numeric = (table, column) => {
    const texts = table.rows.map((row) => value(row.element.cells[column])).filter((text) => /\d/.test(text));
    return texts.length > 0 && texts.every((text) => /^[+\u2212-]?\d/.test(text));
  };
  const sort = (table, column, down) => {
    const head = table.heads[column];
    const numbers = head.dataset.sort ? head.dataset.sort === "number" : numeric(table, column);
    const keyed = table.rows.map((row) => {
      const text = value(row.element.cells[column]);
      return { row, key: numbers ? number(text) : text };
    });
    const compare = (a, b) => {
      if (!numbers) return (down ? -1 : 1) * a.key.localeCompare(b.key, "en-GB");
      if (Number.isNaN(a.key) || Number.isNaN(b.key)) return Number.isNaN(a.key) - Number.isNaN(b.key);
      return down ? b.key - a.key : a.key - b.key;
    };
    // Array.sort is stable, and rows are kept in the page's order: equals stay in it.
    table.element.tBodies[0].append(...keyed.sort(compare).map((one) => one.row.element));
    for (const other of table.heads) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const what = table.section?.dataset.many ?? "rows";
    say(`${what[0].toUpperCase()}${what.slice(1)} sorted by ${head.textContent.toLowerCase()}, `
      + `${down ? "descending" : "ascending"}.`, { sort: `${table.box.id}.${column}.${down ? "down" : "up"}` });
  };
  for (const table of tables.filter((one) => one.section || one.rows.length > 3)) {
    table.heads.forEach((head, column) => {
      if (head.tagName !== "TH" || (table.section && !head.dataset.sort)) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sort(table, column, head.getAttribute("aria-sort") === "ascending"));
      head.append(button);
    });
  }
  const [place, column, way] = (address.get("sort") ?? "").split(".");
  const sorted = tables.find((one) => place && one.box.id === place);
  if (sorted?.heads[column]?.querySelector("button")) sort(sorted, Number(column), way === "down");

  // ---- the trust of the address ----
  const code = (address.get("trust") ?? "").toUpperCase();
  const mine = code ? tables.flatMap((table) => table.rows.filter((row) => row.trust === code)) : [];
  const lead = (to) => {
    to.element.scrollIntoView({ block: "center" });
    to.element.focus({ preventScroll: true });
  };
  for (const row of mine) {
    row.element.classList.add("mine");
    row.element.tabIndex = -1;
  }
  if (code && marked) {
    const text = mine.length ? `${code} is marked in ${mine.length} table${mine.length === 1 ? "" : "s"} of this page. `
      : `No table of this page has a row for ${code}. `;
    const off = Object.assign(document.createElement("a"), { textContent: "Show without a mark", href: location.pathname });
    marked.append(text);
    if (mine.length > 1) {
      let at = 0;
      const next = Object.assign(document.createElement("button"), { type: "button", textContent: "Next marked row" });
      next.addEventListener("click", () => lead(mine[at++ % mine.length]));
      marked.append(next, " ");
    }
    marked.append(off);
    marked.hidden = false;
    for (const link of document.querySelectorAll("nav.site a[href*='.html']")) {
      if (!/(^|\/)trusts\//.test(link.getAttribute("href"))) link.search = `?trust=${encodeURIComponent(code)}`;
    }
  }

  if (form && ofTrusts.length) {
    words.value = address.get("find") ?? "";
    for (const select of selects) {
      if ([...select.options].some((one) => one.value === address.get(select.id))) select.value = address.get(select.id);
    }
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", () => say(filter(), chosen()));
    form.addEventListener("reset", () => setTimeout(() => { say(filter(), chosen()); words.focus(); }));
    // A browser may bring back what was typed before.
    window.addEventListener("pageshow", () => { if (!sorted) say(filter(), chosen()); else filter(); });
    found.textContent = filter();
    form.hidden = false;
  }
  if (mine.length && !location.hash) lead(mine[0]);
})();
