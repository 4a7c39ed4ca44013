// The home page keeps itself up to date: htmx asks for its parts every 15 seconds, and what differs is exchanged here.
// What has the focus, what is open, and what is being typed stays.
"use strict";
(() => {
  const now = document.getElementById("now");
  const fresh = document.getElementById("now-fresh");
  if (!now || !fresh) return;
  let since = new Date();

  const busy = (element) =>
    element.contains(document.activeElement) && document.activeElement !== document.body
      ? true
      : Boolean(element.querySelector("details[open] form"));

  // The token in a form differs from one answer to the next, and means the same.
  const same = (one, other) => plain(one) === plain(other);
  const plain = (element) => {
    const copy = element.cloneNode(true);
    copy.querySelectorAll("[name=csrfmiddlewaretoken]").forEach((field) => field.remove());
    return copy.outerHTML;
  };

  const exchangeRows = (list, wanted) => {
    const known = new Map([...list.children].map((row) => [row.dataset.key, row]));
    let before = list.firstElementChild;
    for (const row of [...wanted.children]) {
      const old = known.get(row.dataset.key);
      known.delete(row.dataset.key);
      let placed = old;
      if (!old) placed = row;
      else if (!busy(old) && !same(old, row)) { if (before === old) before = row; old.replaceWith(row); placed = row; }
      if (placed !== before) list.insertBefore(placed, before);
      else before = before.nextElementSibling;
    }
    for (const gone of known.values()) if (!busy(gone)) gone.remove();
  };

  const exchange = (text) => {
    const page = new DOMParser().parseFromString(text, "text/html").querySelector(".ae-now");
    const shown = now.querySelector(".ae-now");
    if (!page || !shown) return;
    document.getElementById("now-title").textContent = page.dataset.title.trim();
    document.getElementById("now-when").textContent = page.dataset.when;
    const parts = (whole) => [...whole.querySelectorAll("[data-part]")];
    const names = (whole) => parts(whole).map((part) => part.dataset.part).join();
    if (names(page) !== names(shown)) return busy(shown) || shown.replaceWith(page);
    for (const part of parts(page)) {
      const old = shown.querySelector(`[data-part="${part.dataset.part}"]`);
      const [rows, wanted] = [old.querySelector(".ae-rows"), part.querySelector(".ae-rows")];
      if (rows && wanted) exchangeRows(rows, wanted);
      else if (!busy(old) && !same(old, part)) old.replaceWith(part);
    }
  };

  const ok = () => { since = new Date(); fresh.textContent = "up to date"; fresh.classList.remove("ae-stale"); };
  const stale = () => {
    fresh.textContent = `Not updated since ${since.toTimeString().slice(0, 5)}. Trying again.`;
    fresh.classList.add("ae-stale");
  };

  now.addEventListener("htmx:afterRequest", (event) => {
    const answer = event.detail.xhr;
    if (!event.detail.successful || !answer.responseText.includes("ae-now")) return stale();
    exchange(answer.responseText);
    ok();
  });

  // J and K move through the rows, Enter acts, / searches; never while something is being typed.
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, button, a, summary")) return;
    if (event.key === "/") { event.preventDefault(); document.querySelector("[data-search]")?.focus(); return; }
    const rows = [...now.querySelectorAll(".ae-row")];
    const at = rows.indexOf(document.activeElement);
    if (event.key === "j" || event.key === "k") rows[Math.max(0, Math.min(rows.length - 1, at + (event.key === "j" ? 1 : -1)))]?.focus();
    if (event.key === "Enter" && at >= 0) rows[at].querySelector(".ae-row-acts :is(button, a, summary)")?.click();
  });
})();
