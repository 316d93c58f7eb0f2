// Sightline: what pages do beyond reading. Every page works without this file.

const csrf = document.querySelector('meta[name="csrf-token"]')?.content ?? "";

/** Finds an element that shows something live inside another. */
const live = (root, name) => root.querySelector(`[data-live="${name}"]`);

const number = (value) => value.toLocaleString("en-US");

const span = (seconds) => {
  if (seconds < 60) return `${seconds} seconds`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} minutes`;
  return `${Math.floor(seconds / 3600)} hours`;
};

const tones = {
  healthy: "good", syncing: "info", queued: "info", degraded: "warn", needs_confirmation: "warn",
  credential_failing: "bad", failing: "bad",
};

const chip = (text, count) => {
  const element = document.createElement("span");
  element.className = "chip";
  element.append(`${text} `);
  const inner = document.createElement("span");
  inner.textContent = count;
  element.append(inner);
  return element;
};

const badge = (state) => {
  const element = document.createElement("span");
  element.className = `badge ${tones[state] ?? "plain"}`;
  element.textContent = state.replaceAll("_", " ");
  return element;
};

const phrase = (progress) => {
  if (progress.phase === "sealing") return "making the snapshot";
  if (progress.phase === "starting") return "starting";
  if (progress.phase === "waiting") return "waiting for the rate limit";
  if (progress.expected_requests) return `${number(progress.requests)} of about ${number(progress.expected_requests)} requests`;
  return `${number(progress.requests)} requests`;
};

/** Shows how a data source is, wherever the page shows it. */
const show = (source) => {
  for (const root of document.querySelectorAll(`[data-source="${source.id}"]`)) {
    live(root, "state")?.replaceChildren(badge(source.state));
    const line = live(root, "line");
    if (line) line.textContent = source.progress ? phrase(source.progress) : (source.failure?.text ?? source.degraded_by.join(", "));
  }
  const card = document.querySelector(`[data-progress="${source.id}"]`);
  if (!card || !source.progress) return;
  const progress = source.progress;
  card.classList.remove("hidden");
  live(card, "phase").textContent = progress.full ? "Reading everything" : "Reading what has changed";
  live(card, "line").textContent = phrase(progress);
  const bar = live(card, "bar");
  if (progress.expected_requests) bar.value = Math.min(99, (progress.requests * 100) / progress.expected_requests);
  else bar.removeAttribute("value");
  live(card, "left").textContent = progress.seconds_left ? `about ${span(progress.seconds_left)} left` : "";
  live(card, "datasets").replaceChildren(...progress.datasets.map((one) => chip(one.title, number(one.records))));
  live(card, "buckets").replaceChildren(...progress.buckets.map((one) =>
    chip(one.bucket, one.limit ? `${number(one.requests)} of ${number(one.limit)} a minute` : number(one.requests))));
};

/** Follows what happens to data sources, where the page shows any. */
const follow = () => {
  if (!document.querySelector("[data-source]")) return;
  const events = new EventSource("/api/v1/events");
  const isBusy = (state) => state === "syncing" || state === "queued";
  const take = (event) => {
    const source = JSON.parse(event.data);
    const shown = document.querySelector(`[data-source="${source.id}"]`);
    const wasBusy = shown && isBusy(live(shown, "state")?.textContent.trim());
    show(source);
    // What a sync has brought is on pages that are made anew; whoever is typing is not disturbed.
    const hasEnded = event.type === "ended" || (wasBusy && !isBusy(source.state));
    const typing = document.activeElement?.matches("input, textarea, select");
    if (shown && hasEnded && !typing) setTimeout(() => location.reload(), 700);
  };
  for (const name of ["changed", "started", "progress", "ended"]) events.addEventListener(name, take);
  events.addEventListener("missed", () => location.reload());
  addEventListener("pagehide", () => events.close());
};

/** Understands what is pasted for a domain while it is typed, and offers the fix. */
const understood = (typed) => {
  let text = typed.trim().toLowerCase();
  if (!text) return "";
  text = text.replace(/^https?:\/\//, "").replace(/[/?#].*$/, "").replace(/\.$/, "");
  if (/^[a-z0-9-]+$/.test(text)) return `Did you mean ${text}.okta.com, ${text}.oktapreview.com or ${text}.okta-emea.com?`;
  const host = text.replace(/-admin(\.(?:okta|oktapreview|okta-emea|okta-gov)\.(?:com|mil))$/, "$1");
  return host !== typed.trim() ? `using ${host}` : "";
};

/** What a token is not, by its looks: it never leaves the page for this. */
const mistaken = (typed) => {
  const text = typed.trim().replace(/^SSWS\s+/i, "");
  if (/^00T[A-Za-z0-9_-]{17}$/.test(text)) return "That is the token's id from the list. The value is shown only once, at creation.";
  if (/^0oa[A-Za-z0-9]{17}$/.test(text)) return "That looks like the client id of a service app: choose the other kind of credential.";
  if (/^eyJ/.test(text)) return "That looks like a JWT, not an API token.";
  if (/-----BEGIN/.test(text)) return "That is a key, not an API token: choose the other kind of credential.";
  return "";
};

const help = () => {
  for (const [name, told] of [["domain", understood], ["token", mistaken]]) {
    const input = document.querySelector(`input[data-connector="okta"][name="${name}"]`);
    const place = document.querySelector(`[data-fix="${name}"]`);
    input?.addEventListener("input", () => { place.textContent = told(input.value); });
  }
  const ways = document.querySelectorAll("[data-way]");
  const choose = () => {
    for (const way of ways) {
      const fields = document.querySelector(`[data-way-fields="${way.value}"]`);
      fields?.classList.toggle("hidden", !way.checked);
    }
  };
  for (const way of ways) way.addEventListener("change", choose);
  if (ways.length) choose();
};

/** Searches while somebody types, without losing their place. */
const search = () => {
  const input = document.querySelector("[data-search]");
  if (!input) return;
  let timer;
  let asked = input.value;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      if (input.value === asked) return;
      asked = input.value;
      const form = new URLSearchParams(new FormData(input.form));
      for (const [name, value] of [...form]) if (!value) form.delete(name);
      const address = `${input.form.getAttribute("action")}?${form}`;
      const answer = await fetch(address, { headers: { "x-csrf-token": csrf } });
      if (!answer.ok || input.value !== asked) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const old = input.form.parentElement;
      const fresh = page.querySelector("[data-search]")?.form.parentElement;
      if (!fresh) return;
      // The form stays, and with it the place of the cursor.
      for (const child of [...old.children]) if (child !== input.form) child.remove();
      for (const child of [...fresh.children]) if (!child.contains(page.querySelector("[data-search]"))) old.append(child);
      history.replaceState(null, "", address);
    }, 250);
  });
};

follow();
help();
search();
