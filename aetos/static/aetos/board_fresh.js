// Keeps the board up to date: every 20 seconds, and after each move, its columns are asked for with as many cards as
// are shown, and what differs is exchanged. What has the focus keeps it; what is scrolled stays where it is.
"use strict";
(() => {
  const EVERY = 20000;
  const when = document.getElementById("board-when");
  let since = new Date();
  let running = null;

  // A photo that is loaded need not be loaded again, so a card is only replaced when it differs.
  const plain = (element) => {
    const copy = element.cloneNode(true);
    copy.classList.remove("bo-new");
    copy.removeAttribute("aria-busy");
    return copy.outerHTML.replace(/\s+/g, " ");
  };

  const exchangeCards = (list, wanted) => {
    const known = new Map([...list.querySelectorAll(".bo-card")].map((card) => [card.dataset.listing, card]));
    let before = list.firstElementChild;
    list.querySelectorAll(".bo-none, .bo-more").forEach((row) => { if (before === row) before = row.nextElementSibling; row.remove(); });
    for (const row of [...wanted.children]) {
      let placed = row;
      const old = known.get(row.dataset.listing);
      known.delete(row.dataset.listing);
      if (old && plain(old) === plain(row)) placed = old;
      else if (old) {
        const focused = document.activeElement;
        const inner = old.contains(focused) ? (focused === old ? ":scope" : focused.matches("[data-move]") ? "[data-move]" : "a") : "";
        if (before === old) before = old.nextElementSibling;
        old.replaceWith(row);
        if (inner) (inner === ":scope" ? row : row.querySelector(inner))?.focus({ preventScroll: true });
        if (row.nextElementSibling === before) continue;
      }
      if (placed === before) before = before.nextElementSibling;
      else list.insertBefore(placed, before);
    }
    for (const gone of known.values()) gone.remove();
    const more = list.querySelector(".bo-more");
    if (more) window.htmx?.process(more);
  };

  const exchange = (board, text) => {
    const page = new DOMParser().parseFromString(`<div>${text}</div>`, "text/html");
    for (const column of board.querySelectorAll("[data-state]")) {
      const fresh = page.querySelector(`[data-state="${column.dataset.state}"]`);
      if (!fresh) return false;
      const [head, other] = [column.querySelector("[data-head]"), fresh.querySelector("[data-head]")];
      if (head.outerHTML !== other.outerHTML && !head.contains(document.activeElement)) head.replaceWith(other);
      column.setAttribute("aria-label", fresh.getAttribute("aria-label"));
      const list = column.querySelector(".bo-cards");
      if (list) exchangeCards(list, fresh.querySelector(".bo-cards"));
    }
    for (const count of board.querySelectorAll("[data-count]"))
      count.textContent = page.querySelector(`[data-count="${count.dataset.count}"]`).textContent;
    return true;
  };

  const read = async () => {
    const { board } = window.aetosBoard;
    const query = new URLSearchParams(board.dataset.asked);
    query.set("part", "1");
    for (const list of board.querySelectorAll(".bo-column"))
      query.set(`n_${list.dataset.state}`, list.querySelectorAll(".bo-card").length);
    try {
      const answer = await fetch(`${board.dataset.url}?${query}`, { credentials: "same-origin" });
      if (!answer.ok || answer.redirected || !exchange(board, await answer.text())) throw new Error(answer.status);
      since = new Date();
      if (when.textContent !== "up to date") when.textContent = "up to date";
      when.classList.remove("bo-stale");
    } catch {
      when.textContent = `Not updated since ${since.toTimeString().slice(0, 5)}. Trying again.`;
      when.classList.add("bo-stale");
    }
  };

  const fresh = () => (running ||= read().finally(() => { running = null; }));

  const begin = () => {
    const { board } = window.aetosBoard;
    setInterval(() => { if (!document.hidden && !window.aetosBoard.busy()) fresh(); }, EVERY);
    document.addEventListener("visibilitychange", () => { if (!document.hidden && !window.aetosBoard.busy()) fresh(); });
    // A card that has moved up while the next page was on its way comes with both: it stays once.
    board.addEventListener("htmx:afterSettle", () => {
      const seen = new Set();
      for (const card of board.querySelectorAll(".bo-card"))
        seen.has(card.dataset.listing) ? card.remove() : seen.add(card.dataset.listing);
    });
  };

  window.aetosBoard = { ...window.aetosBoard, fresh, start: [...(window.aetosBoard?.start || []), begin] };
})();
