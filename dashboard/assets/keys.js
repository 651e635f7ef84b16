// Keys: going anywhere without the mouse. What they do stands on the page /find.

const base = document.body.dataset.base;

// single reports whether a key that was pressed is meant for the page: alone, nowhere to be typed into, and not turned off.
export function single(e) {
  return document.body.hasAttribute("data-keys") && !e.ctrlKey && !e.metaKey && !e.altKey &&
    !e.target.closest("input:not([type=checkbox]), textarea, select, dialog");
}

let above = null;

// closeAbove closes what lies above the page.
export function closeAbove() {
  if (above) above.remove();
  above = null;
}

// open lays a dialog over the page.
function open(label) {
  closeAbove();
  above = document.createElement("dialog");
  above.setAttribute("aria-label", label);
  above.setAttribute("data-own", "");
  document.body.append(above);
  above.addEventListener("close", closeAbove);
  above.addEventListener("click", (e) => e.target === above && above.close());
  above.showModal();
  return above;
}

// part fetches a part of the page /find.
async function part(id, text) {
  const answer = await fetch(base + "/find?q=" + encodeURIComponent(text));
  return new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(id);
}

async function help() {
  const dialog = open("Keys");
  const found = await part("keys", "");
  if (found && above === dialog) dialog.append(found);
}

// palette goes anywhere: what is typed is looked for by the server, as on the page /find.
function palette() {
  const dialog = open("Go to");
  const typed = document.createElement("input");
  typed.type = "search";
  typed.placeholder = "A page, a queue, a task, the id of a job";
  typed.setAttribute("aria-label", "Go to");
  const list = document.createElement("div");
  dialog.append(typed, list);
  typed.focus();
  let asked = 0;
  const links = () => [...list.querySelectorAll("a")];
  const mark = (to) => {
    for (const a of links()) a.classList.toggle("here", a === to);
    if (to) to.scrollIntoView({ block: "nearest" });
  };
  const look = async () => {
    const mine = ++asked;
    const found = await part("found", typed.value);
    if (mine !== asked || !found) return;
    list.replaceChildren(found);
    mark(links()[0]);
  };
  typed.addEventListener("input", look);
  typed.addEventListener("keydown", (e) => {
    const all = links();
    const at = all.findIndex((a) => a.classList.contains("here"));
    if (e.key === "ArrowDown" || e.key === "ArrowUp") mark(all[(at + (e.key === "ArrowDown" ? 1 : all.length - 1)) % all.length]);
    else if (e.key === "Enter" && all[at]) all[at].click();
    else return;
    e.preventDefault();
  });
  look();
}

const pages = { o: "/", j: "/jobs", r: "/retries", d: "/discarded", e: "/errors", q: "/queues", s: "/schedules", w: "/workflows" };
let going = 0; // when g was pressed

document.addEventListener("keydown", (e) => {
  if ((e.ctrlKey || e.metaKey) && !e.altKey && !e.shiftKey && e.key.toLowerCase() === "k") {
    e.preventDefault();
    palette();
    return;
  }
  if (!single(e)) return;
  const to = e.timeStamp - going < 1500 && pages[e.key];
  going = e.key === "g" ? e.timeStamp : 0;
  if (to) location.assign(base + to);
  else if (e.key === "?") help();
  else if (e.key === "/") {
    const search = document.querySelector("main [data-search]");
    if (search) search.focus();
    else palette();
  } else return;
  e.preventDefault();
});
