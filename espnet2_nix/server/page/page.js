// The page of nix-tts-server: speech is played while it comes, and the word that is being said is marked.

const SAY = {
  ko: {
    text: "읽을 글", keys: "Ctrl+Enter로 말합니다.", examples: "예문", greeting: "인사", numbers: "숫자", english: "영어", long: "긴 글",
    voice: "목소리", speed: "빠르기", token: "서버의 토큰", speak: "말하기", stop: "멈추기", download: "WAV 내려받기",
    read: "이렇게 읽습니다", how: "어떤 규칙으로 읽었나요?", normalized: "한글로 옮긴 글:", characters: "자", working: "말을 만드는 중입니다.",
    playing: "말하고 있습니다.", done: "다 말했습니다. 길이: ", stopped: "멈췄습니다.", first: "첫소리까지", seconds: "초",
    failed: "말하지 못했습니다: ", wave: "소리의 파형", title: "Nix-TTS · 한국어 음성 합성", other: "English", otherCode: "en",
  },
  en: {
    text: "Text to read", keys: "Ctrl+Enter speaks.", examples: "Examples", greeting: "Greeting", numbers: "Numbers", english: "English",
    long: "Long text", voice: "Voice", speed: "Speed", token: "The server's token", speak: "Speak", stop: "Stop", download: "Download WAV",
    read: "Read as", how: "Which rules read it?", normalized: "In Hangul:", characters: " characters", working: "Making speech.",
    playing: "Speaking.", done: "Done. Length: ", stopped: "Stopped.", first: "first sound after", seconds: " s",
    failed: "Could not speak: ", wave: "Waveform", title: "Nix-TTS · Korean text to speech", other: "한국어", otherCode: "ko",
  },
};
const EXAMPLES = {
  greeting: "안녕하세요. 만나서 반갑습니다.",
  numbers: "2026년 11월 25일 오후 3시 30분, 사과 3개를 4,500원에 샀고 기온은 영하 2.5℃였습니다.",
  english: "OpenAI API와 Home Assistant에서 쓸 수 있는 TTS입니다.",
  long: ("옛날 어느 마을에 글을 소리 내어 읽기를 좋아하는 아이가 살았습니다. 아이는 날마다 책 한 권을 들고 언덕에 올랐습니다. "
    + "바람이 불면 목소리는 강을 건너 이웃 마을까지 갔습니다. 사람들은 하던 일을 멈추고 귀를 기울였습니다. ").repeat(3).trim(),
};

const $ = (id) => document.getElementById(id);
let language = (navigator.language || "ko").startsWith("ko") ? "ko" : "en";
let speaking = null; // what is being said now

function say(key) { return SAY[language][key]; }

function showLanguage() {
  document.documentElement.lang = language;
  document.title = say("title");
  for (const element of document.querySelectorAll("[data-say]")) element.textContent = say(element.dataset.say);
  $("language").textContent = say("other");
  $("language").lang = say("otherCode");
  $("wave").setAttribute("aria-label", say("wave"));
  showCount();
}

function showCount() { $("count").textContent = `${[...$("text").value].length}${say("characters")}`; }

function status(message, isError = false) {
  $("status").textContent = message;
  $("status").classList.toggle("error", isError);
}

function headers() {
  const token = $("token").value;
  return { "Content-Type": "application/json", ...(token ? { Authorization: `Bearer ${token}` } : {}) };
}

async function call(path, body, signal, more = {}) {
  const options = body ? { method: "POST", body: JSON.stringify(body) } : {};
  const answer = await fetch(path, { ...options, headers: { ...headers(), ...more }, signal });
  if (answer.ok) return answer;
  if (answer.status === 401) { $("token_row").hidden = false; $("token").focus(); }
  const refusal = await answer.json().catch(() => null);
  throw new Error(refusal?.error?.message ?? `HTTP ${answer.status}`);
}

async function listVoices() {
  const { voices } = await (await call("v1/audio/voices")).json();
  $("voice").replaceChildren(...voices.map((voice) => new Option(voice.name, voice.id)));
}

// One text being said: its samples, the words with their times, and where the loudspeaker is.
class Speech {
  constructor() {
    this.abort = new AbortController();
    this.context = new AudioContext();
    this.rate = 0;
    this.pieces = []; // Int16Array each
    this.samples = 0;
    this.words = [];
    this.sources = new Set();
    this.begin = 0; // of the first sample, on the context's clock
    this.whole = false;
    this.asked = performance.now();
    this.firstAfter = null;
  }

  get received() { return this.rate ? this.samples / this.rate : 0; }
  get position() { return this.samples ? Math.max(0, Math.min(this.context.currentTime - this.begin, this.received)) : 0; }

  takeEvent(event) {
    if (event.type === "speech.timings") this.takeWords(event.words);
    if (event.type === "speech.audio.delta") this.takeAudio(Uint8Array.from(atob(event.audio), (c) => c.charCodeAt(0)));
    if (event.type === "error") throw new Error(event.error.message);
  }

  takeWords(words) {
    for (const word of words) {
      if (word.label) {
        word.element = document.createElement("span");
        word.element.textContent = word.label;
        $("words").append(word.element, " ");
      }
      this.words.push(word);
    }
  }

  takeAudio(bytes) {
    if (!this.rate) { // the head of a wav
      this.rate = new DataView(bytes.buffer).getUint32(24, true);
      bytes = bytes.slice(44);
    }
    if (!bytes.length) return;
    const piece = new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
    const buffer = this.context.createBuffer(1, piece.length, this.rate);
    buffer.getChannelData(0).set(Float32Array.from(piece, (sample) => sample / 32768));
    const soonest = this.context.currentTime + 0.03;
    // When speech came too late, everything after it is heard that much later.
    if (this.begin + this.received < soonest) this.begin = soonest - this.received;
    const source = new AudioBufferSourceNode(this.context, { buffer });
    source.connect(this.context.destination);
    source.start(this.begin + this.received);
    this.sources.add(source);
    source.onended = () => this.sources.delete(source);
    this.firstAfter ??= (performance.now() - this.asked) / 1000;
    this.pieces.push(piece);
    this.samples += piece.length;
  }

  async run(body) {
    const answer = await call("v1/audio/speech", body, this.abort.signal, { "X-Timings": "words" });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const events = (rest + value).split("\n\n");
      rest = events.pop();
      for (const event of events) this.takeEvent(JSON.parse(event.slice("data: ".length)));
      if (this.firstAfter !== null && !this.whole) status(say("playing"));
    }
    this.whole = true;
  }

  stop() {
    this.abort.abort();
    for (const source of this.sources) source.stop();
    this.context.close();
  }

  wav() {
    const head = new DataView(new ArrayBuffer(44));
    const text = (at, letters) => [...letters].forEach((letter, i) => head.setUint8(at + i, letter.charCodeAt(0)));
    text(0, "RIFF"); head.setUint32(4, 36 + 2 * this.samples, true); text(8, "WAVEfmt ");
    head.setUint32(16, 16, true); head.setUint16(20, 1, true); head.setUint16(22, 1, true);
    head.setUint32(24, this.rate, true); head.setUint32(28, 2 * this.rate, true);
    head.setUint16(32, 2, true); head.setUint16(34, 16, true); text(36, "data"); head.setUint32(40, 2 * this.samples, true);
    return new Blob([head, ...this.pieces], { type: "audio/wav" });
  }
}

function markWord(speech) {
  const now = speech.position;
  const saying = now > 0 ? speech.words.find((word) => word.label && word.start <= now && now < word.end) : undefined;
  const marked = $("words").querySelector(".now");
  if (marked === (saying?.element ?? null)) return;
  marked?.classList.remove("now");
  if (!saying) return;
  saying.element.classList.add("now");
  const box = $("words"); // only the box is scrolled, never the page
  if (saying.element.offsetTop - box.offsetTop > box.scrollTop + box.clientHeight - 40
      || saying.element.offsetTop - box.offsetTop < box.scrollTop) {
    box.scrollTop = saying.element.offsetTop - box.offsetTop - 20;
  }
}

function drawWave(speech) {
  const canvas = $("wave");
  const draw = canvas.getContext("2d");
  const style = getComputedStyle(document.documentElement);
  draw.clearRect(0, 0, canvas.width, canvas.height);
  if (!speech?.samples) return;
  const peaks = new Float32Array(canvas.width);
  const perColumn = speech.samples / canvas.width;
  let at = 0;
  for (const piece of speech.pieces) {
    const step = Math.max(1, Math.floor(perColumn / 60)); // enough to see
    for (let i = 0; i < piece.length; i += step) {
      const column = Math.min(canvas.width - 1, Math.floor((at + i) / perColumn));
      peaks[column] = Math.max(peaks[column], Math.abs(piece[i]) / 32768);
    }
    at += piece.length;
  }
  const played = canvas.width * (speech.position / speech.received);
  for (let x = 0; x < canvas.width; x++) {
    draw.fillStyle = style.getPropertyValue(x < played ? "--accent" : "--line");
    const height = Math.max(1, peaks[x] * canvas.height);
    draw.fillRect(x, (canvas.height - height) / 2, 1, height);
  }
}

function follow(speech) {
  if (speech !== speaking) return;
  markWord(speech);
  drawWave(speech);
  if (speech.whole && speech.position >= speech.received) { finish(speech); return; }
  requestAnimationFrame(() => follow(speech));
}

function finish(speech) {
  speaking = null;
  $("words").querySelector(".now")?.classList.remove("now");
  drawWave(speech);
  showButtons(false);
  const first = `${say("first")} ${speech.firstAfter.toFixed(2)}${say("seconds")}`;
  status(`${say("done")}${speech.received.toFixed(1)}${say("seconds")} (${first})`);
  speech.context.close();
}

function showButtons(isSpeaking) { $("stop").disabled = !isSpeaking; }

function offerFile(speech) {
  const link = $("download");
  if (link.href) URL.revokeObjectURL(link.href);
  link.href = URL.createObjectURL(speech.wav());
  link.hidden = false;
}

async function showReading(body, signal) {
  const reading = await (await call("v1/audio/reading", body, signal)).json();
  $("normalized").textContent = reading.normalized;
  $("changes").replaceChildren(...reading.changes.slice(0, 200).map(([rule, before, after]) => {
    const item = document.createElement("li");
    item.textContent = `${rule}: ${before.trim()} → ${after.trim()}`;
    return item;
  }));
  $("reading").hidden = false;
}

function stop() {
  if (!speaking) return;
  speaking.stop();
  speaking = null;
  showButtons(false);
  status(say("stopped"));
}

async function speak() {
  stop();
  const speech = speaking = new Speech();
  $("words").replaceChildren();
  $("download").hidden = $("reading").hidden = true;
  showButtons(true);
  drawWave(null);
  status(say("working"));
  const body = { input: $("text").value, voice: $("voice").value || undefined, speed: Number($("speed").value) };
  requestAnimationFrame(() => follow(speech));
  try {
    await speech.run({ model: "nix-tts", response_format: "wav", stream_format: "sse", ...body });
    if (speech !== speaking && !speech.samples) return;
    offerFile(speech);
    await showReading(body, speech.abort.signal);
  } catch (error) {
    if (error.name === "AbortError" || speech !== speaking) return;
    speech.stop();
    speaking = null;
    showButtons(false);
    status(say("failed") + error.message, true);
  }
}

$("language").addEventListener("click", () => { language = say("otherCode"); showLanguage(); });
$("text").addEventListener("input", showCount);
$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); $("form").requestSubmit(); }
});
$("speed").addEventListener("input", () => { $("speed_shown").textContent = Number($("speed").value).toFixed(1); });
$("examples").addEventListener("click", (event) => {
  const example = EXAMPLES[event.target.dataset.example];
  if (example) { $("text").value = example; showCount(); $("text").focus(); }
});
$("form").addEventListener("submit", (event) => { event.preventDefault(); speak(); });
$("stop").addEventListener("click", stop);
$("token").addEventListener("change", () => listVoices().catch((error) => status(error.message, true)));
$("text").value = EXAMPLES.greeting;
showLanguage();
listVoices().catch((error) => status(error.message, true));
