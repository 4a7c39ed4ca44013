// The board's moves: by dragging (board_drag.js), by key, by the Move button. The server decides; a card only moves
// when it has said so. board_fresh.js brings the columns up to date afterwards.
"use strict";
(() => {
  const board = document.getElementById("board");
  if (!board) return;
  const dialog = document.getElementById("board-dialog");
  const toast = document.getElementById("board-toast");
  const moves = JSON.parse(board.dataset.moves);
  const mayAct = board.dataset.mayAct === "yes";
  const KEYS = { f: "FOUND", m: "MESSAGING", n: "NEGOTIATING", p: "PURCHASED", r: "RECEIVED", l: "LISTED", s: "SOLD", x: "CANCELLED" };
  let picked = null;
  let timer = 0;
  let sending = false;

  const columns = () => [...board.querySelectorAll("[data-state]")];
  const cardOf = (target) => target.closest?.(".bo-card");
  const titleOf = (card) => card.querySelector(".bo-name").textContent.trim();
  const address = (card, to) => `${board.dataset.url}${card.dataset.listing}/${to ? `${to}/` : ""}`;

  const say = (words, { refused = false, stays = false } = {}) => {
    clearTimeout(timer);
    toast.hidden = false;
    toast.classList.toggle("bo-refused", refused);
    toast.replaceChildren(...[words].flat());
    if (!stays) timer = setTimeout(() => { toast.hidden = true; }, refused ? 9000 : 6000);
  };

  // ---- picking a card up: what is legal lights up, the rest says why not ------------------------

  const pick = (card) => {
    putBack();
    picked = card;
    card.classList.add("bo-picked");
    board.classList.add("bo-moving");
    const hints = [`Moving ${titleOf(card)}: `];
    for (const column of columns()) {
      const move = moves[card.dataset.in][column.dataset.state];
      if (!move) continue;
      const why = column.querySelector("[data-why]");
      const head = document.createElement("b");
      head.textContent = `${move.legal ? "✓" : "✕"} ${move.head}`;
      why.replaceChildren(head, move.words);
      why.hidden = false;
      column.classList.add(move.legal ? "bo-legal" : "bo-illegal-here");
      if (column.dataset.state === card.dataset.in) column.classList.remove("bo-illegal-here");
      if (!move.legal) continue;
      const key = document.createElement("kbd");
      key.textContent = Object.keys(KEYS).find((each) => KEYS[each] === column.dataset.state).toUpperCase();
      hints.push(key, ` ${move.head.replace("Drop: ", "")}  `);
    }
    const esc = document.createElement("kbd");
    esc.textContent = "Esc";
    say([...hints, esc, " put back"], { stays: true });
  };

  const putBack = () => {
    if (!picked) return;
    picked.classList.remove("bo-picked");
    board.classList.remove("bo-moving");
    for (const column of columns()) {
      column.classList.remove("bo-legal", "bo-illegal-here", "bo-over");
      const why = column.querySelector("[data-why]");
      if (why) why.hidden = true;
    }
    picked = null;
    toast.hidden = true;
  };

  // ---- asking the server ------------------------------------------------------------------------

  const ask = async (url, options = {}) => {
    try {
      const answer = await fetch(url, { credentials: "same-origin", headers: { "X-Requested-With": "fetch" }, ...options });
      if (answer.redirected) return { words: "You are signed out. Reload the page to sign in. Nothing was saved." };
      const json = (answer.headers.get("Content-Type") || "").includes("json");
      if (!json && !answer.ok) return { words: answer.status === 403 ? "Not saved: you may look, operators can act." : `Not saved: the server answered ${answer.status}. Try again.` };
      return json ? { ok: answer.ok, ...(await answer.json()) } : { ok: true, html: await answer.text() };
    } catch {
      return { words: "Not known whether it was saved: the server could not be reached. The board shows it when it is back." };
    }
  };

  const open = (html) => {
    dialog.innerHTML = html;
    if (!dialog.open) dialog.showModal();
    const first = [".ae-wrong .ae-input", "form .ae-input", ".bo-option, [type=submit]", "[data-close]"];
    first.map((each) => dialog.querySelector(each)).find(Boolean).focus();
  };

  const take = async (card, to, body) => {
    if (sending) return;
    sending = true;
    card.setAttribute("aria-busy", "true");
    body.set("csrfmiddlewaretoken", board.querySelector("[name=csrfmiddlewaretoken]").value);
    const answer = await ask(address(card, to), { method: "POST", body });
    sending = false;
    card.removeAttribute("aria-busy");
    if (answer.form) { open(answer.form); return; }
    if (dialog.open) dialog.close();
    putBack();
    const neighbour = card.nextElementSibling?.matches(".bo-card") ? card.nextElementSibling : card.previousElementSibling;
    await window.aetosBoard.fresh();
    const now = board.querySelector(`[data-listing="${card.dataset.listing}"]`);
    const next = now?.offsetParent ? now : neighbour?.isConnected ? neighbour : null;
    next?.focus({ preventScroll: false });
    now?.classList.add("bo-new");
    say(answer.words, { refused: !answer.ok });
  };

  // A drop has been told what it sends; a key may be hit by mistake, so what it would tell a partner is shown first.
  const drop = async (card, to, { byKey = false } = {}) => {
    const move = moves[card.dataset.in][to];
    putBack();
    if (to === card.dataset.in) return;
    if (!move?.legal) { say(`${titleOf(card)} stays: ${move ? `${move.head}. ${move.words}` : "no step leads there."}`, { refused: true }); return; }
    if (!move.asks && !(byKey && move.writes)) { const body = new URLSearchParams({ seen: card.dataset.in }); await take(card, to, body); return; }
    dialog.dataset.listing = card.dataset.listing;
    const answer = await ask(`${address(card, to)}?seen=${card.dataset.in}`);
    if (answer.html) open(answer.html);
    else { say(answer.words, { refused: true }); window.aetosBoard.fresh(); }
  };

  const sheet = async (card) => {
    putBack();
    dialog.dataset.listing = card.dataset.listing;
    const answer = await ask(address(card));
    if (answer.html) open(answer.html); else say(answer.words, { refused: true });
  };

  const inDialog = () => board.querySelector(`[data-listing="${dialog.dataset.listing}"]`);

  // ---- the dialog, the buttons, the keys ---------------------------------------------------------

  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[data-close]")) { dialog.close(); return; }
    const option = event.target.closest(".bo-option");
    const card = inDialog();
    if (option && card) { dialog.close(); drop(card, option.dataset.to); }
  });
  dialog.addEventListener("submit", (event) => {
    event.preventDefault();
    const card = inDialog();
    if (card) take(card, event.target.dataset.to, new URLSearchParams(new FormData(event.target)));
  });
  dialog.addEventListener("close", () => inDialog()?.focus());

  board.addEventListener("click", (event) => {
    const tab = event.target.closest("[data-tab]");
    if (tab && tab.dataset.tab !== "CANCELLED") { event.preventDefault(); show(tab.dataset.tab, tab.href); return; }
    if (event.target.closest("[data-move]")) sheet(cardOf(event.target));
  });

  const show = (state, href) => {
    board.querySelectorAll(".bo-column").forEach((column) => column.classList.toggle("bo-shown", column.dataset.state === state));
    board.querySelectorAll("[data-tab]").forEach((tab) => {
      tab.classList.toggle("bo-on", tab.dataset.tab === state);
      tab.dataset.tab === state ? tab.setAttribute("aria-current", "true") : tab.removeAttribute("aria-current");
    });
    history.replaceState(null, "", href);
  };

  const neighbourOf = (card, key) => {
    if (key === "ArrowDown" || key === "ArrowUp") {
      const beside = key === "ArrowDown" ? card.nextElementSibling : card.previousElementSibling;
      return beside?.matches(".bo-card") ? beside : null;
    }
    const lists = [...board.querySelectorAll(".bo-cards")].filter((list) => list.querySelector(".bo-card"));
    const at = lists.indexOf(card.parentElement);
    const list = lists[at + (key === "ArrowRight" ? 1 : -1)];
    const place = [...card.parentElement.children].indexOf(card);
    const found = list ? [...list.querySelectorAll(".bo-card")] : [];
    return found[Math.min(place, found.length - 1)];
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
    if (event.key === "Escape" && picked) { putBack(); window.aetosBoard.letGo?.(); return; }
    if (event.target.closest("input, textarea, select")) return;
    if (event.key === "/") { event.preventDefault(); document.querySelector("[data-search]")?.focus(); return; }
    const card = event.target.matches?.(".bo-card") ? event.target : null;
    if (!card) return;
    if (event.key.startsWith("Arrow")) { event.preventDefault(); neighbourOf(card, event.key)?.focus(); return; }
    if (event.key === "Enter") { card.querySelector(".bo-name a").click(); return; }
    if (!mayAct) return;
    if (event.key === " ") { event.preventDefault(); picked === card ? putBack() : pick(card); return; }
    if (event.key === ".") { event.preventDefault(); sheet(card); return; }
    const to = KEYS[event.key.toLowerCase()];
    if (to) { event.preventDefault(); drop(card, to, { byKey: true }); }
  });

  window.aetosBoard = { ...window.aetosBoard, board, dialog, mayAct, pick, putBack, drop, busy: () => Boolean(picked) || dialog.open || sending };
  window.aetosBoard.start?.forEach((begin) => begin());
})();
