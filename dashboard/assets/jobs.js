// Lists of jobs: choosing many at once, going through them by keys, and completing words of a search.

import { single } from "./keys.js";

let last = null;

export function refine(main) {
  const all = main.querySelector("[data-all]");
  const boxes = () => [...main.querySelectorAll('input[name="id"]')];
  const say = () => {
    const n = boxes().filter((b) => b.checked).length;
    const text = main.querySelector("[data-chosen]");
    if (text) text.textContent = n ? n + " chosen" : "";
    if (all) all.checked = n > 0 && n === boxes().length;
  };
  if (all) {
    all.hidden = false;
    all.onchange = () => {
      for (const b of boxes()) b.checked = all.checked;
      say();
    };
  }
  main.onchange = (e) => e.target.name === "id" && say();
  main.onclick = (e) => {
    if (e.target.name !== "id") return;
    const now = boxes();
    if (e.shiftKey && last) {
      const ends = [now.findIndex((b) => b.value === last), now.indexOf(e.target)].sort((a, b) => a - b);
      if (ends[0] >= 0) for (const b of now.slice(ends[0], ends[1] + 1)) b.checked = e.target.checked;
    }
    last = e.target.value;
    say();
  };
  say();
}

// A browser completes what stands in a field as a whole: the words offered begin with those typed before the last one.
document.addEventListener("input", (e) => {
  if (!e.target.matches("[data-search]") || !e.target.list) return;
  const typed = e.target.value;
  const before = typed.slice(0, typed.lastIndexOf(" ") + 1);
  for (const o of e.target.list.options) o.value = before + o.dataset.word;
});

// j and k go through the rows, x chooses, Enter opens.
document.addEventListener("keydown", (e) => {
  if (!single(e)) return;
  const rows = [...document.querySelectorAll("table.jobs tbody tr")];
  if (!rows.length) return;
  const at = rows.findIndex((r) => r.classList.contains("here"));
  const row = rows[at];
  if (e.key === "j" || e.key === "k") {
    const next = rows[Math.min(rows.length - 1, Math.max(0, at + (e.key === "j" ? 1 : -1)))];
    if (row) row.classList.remove("here");
    next.classList.add("here");
    next.querySelector("a.job").focus();
  } else if (e.key === "x" && row) {
    const box = row.querySelector('input[name="id"]');
    if (box) box.click();
  } else return;
  e.preventDefault();
});
