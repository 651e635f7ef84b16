// Keeps each bell of the page true; while the page is hidden it rests.

function line(item) {
  const li = document.createElement("li");
  li.dataset.id = item.id;
  li.classList.toggle("read", item.read === true);
  const title = document.createElement(item.url ? "a" : "b");
  if (item.url && /^https?:\/\//.test(item.url)) title.href = item.url;
  title.textContent = item.title;
  li.append(title);
  if (item.text) {
    const text = document.createElement("p");
    text.textContent = item.text;
    li.append(text);
  }
  const at = document.createElement("time");
  at.dateTime = item.at;
  at.textContent = new Date(item.at).toLocaleString();
  li.append(at);
  return li;
}

function show(bell, list) {
  bell.dataset.unread = list.unread;
  const count = bell.querySelector(".offload-bell-count");
  count.textContent = list.unread;
  count.hidden = list.unread === 0;
  bell.querySelector("button").disabled = list.unread === 0;
  bell.querySelector(".offload-bell-none").hidden = list.items.length > 0;
  bell.querySelector("ol").replaceChildren(...list.items.map(line));
  bell.dispatchEvent(new CustomEvent("notices", { bubbles: true, detail: list }));
}

function follow(bell) {
  const url = bell.dataset.url;
  let source = null;
  const open = () => {
    if (source || document.hidden) return;
    source = new EventSource(url);
    source.onmessage = (e) => show(bell, JSON.parse(e.data));
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden && source) {
      source.close();
      source = null;
    }
    open();
  });
  // keepalive: a link leads away while the request is on its way
  const read = (ids) => fetch(url + "read", { method: "POST", body: new URLSearchParams(ids.map((id) => ["id", id])), keepalive: true })
    .then(() => fetch(url))
    .then((answer) => answer.ok ? answer.json() : null)
    .then((list) => list && show(bell, list))
    .catch(() => {}); // the stream shows what is so
  // The list opens to the side on which there is room.
  bell.addEventListener("toggle", () => {
    const box = bell.getBoundingClientRect();
    const rtl = getComputedStyle(bell).direction === "rtl";
    bell.classList.toggle("start", rtl ? box.left > innerWidth / 2 : box.right < innerWidth / 2);
  });
  bell.querySelector("form").addEventListener("submit", (e) => {
    e.preventDefault();
    read([]);
  });
  bell.querySelector("ol").addEventListener("click", (e) => {
    const li = e.target.closest("li");
    if (li && !li.classList.contains("read")) read([li.dataset.id]);
  });
  open();
}

for (const bell of document.querySelectorAll(".offload-bell")) follow(bell);
