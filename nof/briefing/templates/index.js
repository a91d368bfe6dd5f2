
"use strict";
// Search, filter and sort the league tables. Everything is read from the page: there is no data but the tables.
(() => {
  const form = document.getElementById("find");
  const found = document.getElementById("found");
  const words = document.getElementById("words");
  const selects = [...form.querySelectorAll("select")];
  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  const value = (cell) => cell.dataset.value ?? cell.textContent.trim();
  const noun = (of, count) => (count === 1 ? of.one : of.many);

  const leagues = [...document.querySelectorAll(".league")].map((section) => {
    const heads = [...section.querySelectorAll("thead th")];
    const place = (name) => heads.findIndex((head) => head.dataset.filter === name);
    const columns = selects.map((select) => place(select.dataset.filter));
    const rows = [...section.querySelectorAll("tbody tr")].map((element) => ({
      element,
      name: plain(element.querySelector("th").textContent),
      facts: columns.map((column) => value(element.cells[column])),
    }));
    return { section, heads, rows, kind: section.dataset.kind, one: section.dataset.one, many: section.dataset.many, count: section.querySelector(".shown"),
      table: section.querySelector(".table"), body: section.querySelector("tbody") };
  });

  // What a screen reader hears waits for a pause, so that typing is not talked over.
  let waiting = 0;
  const say = (text) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { if (found.textContent !== text) found.textContent = text; }, 250);
  };

  // Shows the rows that fit; returns how many those are, in words.
  const filter = () => {
    const wanted = plain(words.value).split(/\s+/).filter(Boolean);
    const chosen = selects.map((select) => select.value);
    const parts = leagues.map((league) => {
      let shown = 0;
      for (const row of league.rows) {
        const fits = wanted.every((word) => row.name.includes(word))
          && chosen.every((one, number) => one === "" || one === row.facts[number]);
        row.element.hidden = !fits;
        shown += fits;
      }
      const all = league.rows.length;
      league.table.hidden = shown === 0;
      league.count.textContent = `${shown} of ${all} ${noun(league, all)} shown`;
      return { shown, all, kind: league.kind };
    });
    const shown = parts.reduce((sum, part) => sum + part.shown, 0);
    const all = parts.reduce((sum, part) => sum + part.all, 0);
    const split = parts.filter((part) => part.shown).map((part) => `${part.shown} ${part.kind}`).join(", ");
    return `${shown} of ${all} ${noun(form.dataset, all)} shown${shown && parts.length > 1 ? `: ${split}` : ""}.`;
  };

  const sort = (league, head, column) => {
    const down = head.getAttribute("aria-sort") === "ascending";
    const numbers = head.dataset.sort === "number";
    const keyed = league.rows.map((row) => {
      const text = value(row.element.cells[column]);
      return { row, key: numbers ? Number.parseFloat(text) : text };
    });
    const compare = (a, b) => {
      if (numbers) {
        if (Number.isNaN(a.key) || Number.isNaN(b.key)) return Number.isNaN(a.key) - Number.isNaN(b.key);
        return down ? b.key - a.key : a.key - b.key;
      }
      return (down ? -1 : 1) * a.key.localeCompare(b.key, "en-GB");
    };
    // Array.sort is stable, and rows are kept in the league's order: equals stay in it.
    league.body.append(...keyed.sort(compare).map((one) => one.row.element));
    for (const other of league.heads) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    say(`${league.many[0].toUpperCase()}${league.many.slice(1)} sorted by ${head.textContent.toLowerCase()}, `
      + `${down ? "descending" : "ascending"}.`);
  };

  for (const league of leagues) {
    league.heads.forEach((head, column) => {
      if (!head.dataset.sort) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sort(league, head, column));
      head.append(button);
    });
  }
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => say(filter()));
  form.addEventListener("reset", () => setTimeout(() => { say(filter()); words.focus(); }));
  // A browser may bring back what was typed before.
  window.addEventListener("pageshow", () => say(filter()));
  found.textContent = filter();
  form.hidden = false;
})();
