// The page of nix-tts-server: speech is played while it comes, and the word that is being said is marked.

const SAY = {
  ko: {
    title: "Nix-TTS · 한국어 음성 합성", lead: "글을 넣으면 소리를 만들면서 바로 들려줍니다. 글은 이 서버 밖으로 나가지 않습니다.", other: "English", otherCode: "en",
    text: "읽을 글", keys: "Ctrl+Enter로도 듣습니다.", characters: "자", examples: "예문", greeting: "인사", numbers: "숫자",
    english: "영어", long: "긴 글", voice: "목소리", speed: "빠르기", token: "서버의 토큰", speak: "듣기", stop: "멈추기",
    download: "WAV 내려받기", read: "이렇게 읽습니다", sound: "작은 글자는 소리 나는 대로 적은 것입니다.", how: "어떻게 읽었나요?",
    unchanged: "쓰인 대로 읽었습니다.", wave: "소리의 파형", working: "소리를 만드는 중입니다.", playing: "읽고 있습니다.",
    done: "다 읽었습니다.", length: "길이", first: "첫소리까지", seconds: "초", stopped: "멈췄습니다.", failed: "읽지 못했습니다: ",
  },
  en: {
    title: "Nix-TTS · Korean text to speech", lead: "Reads Korean text aloud while the sound is being made. The text goes to this server and nowhere else.",
    other: "한국어", otherCode: "ko", text: "Text to read", keys: "Ctrl+Enter works too.", characters: " characters", examples: "Examples",
    greeting: "Greeting", numbers: "Numbers", english: "English", long: "Long text", voice: "Voice", speed: "Speed",
    token: "The server's token", speak: "Listen", stop: "Stop", download: "Download WAV", read: "Read as",
    sound: "Small letters: as it sounds.", how: "How was it read?", unchanged: "As it is written.", wave: "Waveform",
    working: "Making the sound.", playing: "Reading.", done: "Done.", length: "length", first: "first sound after", seconds: " s",
    stopped: "Stopped.", failed: "Could not read it: ",
  },
};
// Refusals that a reader can mend, by OpenAI's name of the error; the server's own sentence follows in brackets.
const REFUSALS = {
  ko: {
    invalid_api_key: "토큰이 필요합니다", overloaded: "서버가 바쁩니다. 잠시 뒤에 다시 해 보십시오", string_above_max_length: "글이 너무 깁니다",
    unreadable_text: "읽을 수 있는 글자가 없습니다", timeout: "시간이 다 되었습니다. 더 짧은 글로 해 보십시오", voice_not_found: "그런 목소리가 없습니다",
  },
  en: {},
};
// What the front-end calls its rules, in Korean; in English they are called as they are.
const RULES = {
  "user's lexicon": "사용자 사전", characters: "글자 정리", Hanja: "한자", "e-mail": "전자우편 주소", URL: "인터넷 주소", names: "이름과 약어",
  numbers: "숫자", signs: "부호", "Roman letters": "로마자", "Greek letters": "그리스 문자", jamo: "낱자모", lexicon: "발음 사전",
  "article 24": "표준 발음법 제24항", "article 26": "표준 발음법 제26항", "article 27": "표준 발음법 제27항",
  "articles 26 and 28, suffixes": "표준 발음법 제26·28항, 접미사", "article 28, compounds": "표준 발음법 제28항, 합성어",
  "열 and 여덟": "열, 여덟", "article 20, suffixes": "표준 발음법 제20항, 접미사", "article 29": "표준 발음법 제29항",
  "article 29, numerals": "표준 발음법 제29항, 수", "article 29 between words": "표준 발음법 제29항, 낱말 사이", sounds: "소리 바뀜",
};
const EXAMPLES = {
  greeting: "안녕하세요. 만나서 반갑습니다.",
  numbers: "2026년 11월 25일 오후 3시 30분, 사과 3개를 4,500원에 샀고 기온은 영하 2.5℃였습니다.",
  english: "AI 스피커를 Wi-Fi에 연결하고 YouTube를 틀어 줘. USB-C로 충전하는 TTS입니다.",
  long: ("옛날 어느 마을에 글을 소리 내어 읽기를 좋아하는 아이가 살았습니다. 아이는 날마다 책 한 권을 들고 언덕에 올랐습니다. "
    + "바람이 불면 목소리는 강을 건너 이웃 마을까지 갔습니다. 사람들은 하던 일을 멈추고 귀를 기울였습니다. ").repeat(3).trim(),
};

const $ = (id) => document.getElementById(id);
let language = (navigator.language || "ko").startsWith("ko") ? "ko" : "en";
let speaking = null; // what is being said now
let latest = null; // what was said last, and is shown

function say(key) { return SAY[language][key]; }

function hangul(text) { return text.replace(/[^가-힣]/gu, ""); }

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
  const { message = `HTTP ${answer.status}`, code } = refusal?.error ?? {};
  const ours = REFUSALS[language][code];
  throw new Error(ours ? `${ours} (${message})` : message);
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
    this.shown = []; // those of them that are no pause
    this.reading = null;
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
        this.shown.push(word);
      }
      this.words.push(word);
    }
    this.showWritten();
  }

  // Words as they are written in Hangul, and below them how they sound, where that differs.
  takeReading(reading) {
    const words = (text) => text.split(/\s+/u).filter((word) => /[가-힣]/u.test(word));
    const [written, sounds] = [words(reading.normalized), words(reading.pronounced)];
    this.reading = written.length === sounds.length ? { written, sounds: sounds.map(hangul), shown: 0 } : null;
    this.showWritten();
  }

  showWritten() {
    if (!this.reading) return;
    const { written, sounds } = this.reading;
    for (; this.reading.shown < this.shown.length; this.reading.shown++) {
      const at = this.reading.shown;
      const { element, label } = this.shown[at];
      if (sounds[at] !== label) { this.reading = null; return; } // cut otherwise than thought: the rest stays as it sounds
      if (hangul(written[at]) === label) { element.textContent = written[at]; continue; }
      const ruby = document.createElement("ruby");
      const sound = document.createElement("rt");
      sound.textContent = label;
      ruby.append(written[at], sound);
      element.replaceChildren(ruby);
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

function markNothing() { $("words").querySelector(".now")?.classList.remove("now"); }

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
  const loudest = Math.max(0.05, ...peaks); // quiet speech fills the picture as well
  const played = canvas.width * (speech.position / speech.received);
  for (let x = 0; x < canvas.width; x++) {
    draw.fillStyle = style.getPropertyValue(x < played ? "--accent" : "--line");
    const height = Math.max(1, 0.95 * (peaks[x] / loudest) * canvas.height);
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
  markNothing();
  drawWave(speech);
  showButtons(false);
  const seconds = (value, digits) => `${value.toFixed(digits)}${say("seconds")}`;
  status(`${say("done")} ${say("length")} ${seconds(speech.received, 1)}, ${say("first")} ${seconds(speech.firstAfter, 2)}`);
  speech.context.close();
}

function showButtons(isSpeaking) { $("stop").disabled = !isSpeaking; }

function offerFile(speech) {
  const link = $("download");
  if (link.href) URL.revokeObjectURL(link.href);
  link.href = URL.createObjectURL(speech.wav());
  link.hidden = false;
}

// What of one text became what of the other: words by their longest common subsequence.
function differences(before, after) {
  const [a, b] = [before, after].map((text) => text.split(/\s+/u).filter(Boolean));
  if (a.length * b.length > 100000) return [[a, b]]; // a picture of everything would take too long
  const common = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i][j] = a[i] === b[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
    }
  }
  const found = [];
  let [i, j, open] = [0, 0, null];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) { [open, i, j] = [null, i + 1, j + 1]; continue; }
    if (!open) found.push(open = [[], []]);
    if (j === b.length || (i < a.length && common[i + 1][j] >= common[i][j + 1])) open[0].push(a[i++]);
    else open[1].push(b[j++]);
  }
  return found;
}

function showReading(reading) {
  $("normalized").textContent = reading.normalized;
  const rules = new Map(); // in their order; a rule of several sentences is told once
  for (const [rule, before, after] of reading.changes) {
    const told = rules.get(rule) ?? [];
    for (const [from, to] of differences(before, after)) {
      if (from.length && to.length && told.length < 40) told.push(`${from.join(" ")} → ${to.join(" ")}`);
    }
    rules.set(rule, told);
  }
  $("changes").replaceChildren(...[...rules].filter(([, told]) => told.length).flatMap(([rule, told]) => {
    const name = document.createElement("dt");
    name.textContent = language === "ko" ? RULES[rule] ?? rule : rule;
    return [name, ...told.map((change) => {
      const item = document.createElement("dd");
      item.textContent = change;
      return item;
    })];
  }));
  $("unchanged").hidden = $("changes").children.length > 0;
  $("reading").hidden = false;
}

async function askReading(speech, body) {
  const reading = await (await call("v1/audio/reading", body, speech.abort.signal)).json();
  if (speech !== latest) return;
  speech.takeReading(reading);
  showReading(reading);
}

function stop() {
  if (!speaking) return;
  speaking.stop();
  speaking = null;
  markNothing();
  showButtons(false);
  status(say("stopped"));
}

async function speak() {
  stop();
  const speech = speaking = latest = new Speech();
  $("words").replaceChildren();
  $("download").hidden = $("reading").hidden = true;
  showButtons(true);
  drawWave(null);
  status(say("working"));
  const body = { input: $("text").value, voice: $("voice").value || undefined, speed: Number($("speed").value) };
  requestAnimationFrame(() => follow(speech));
  try {
    // How it is read is asked for at the same time: without an answer the words are shown as they sound.
    const reading = askReading(speech, body).catch(() => {});
    await speech.run({ model: "nix-tts", response_format: "wav", stream_format: "sse", ...body });
    if (speech !== speaking && !speech.samples) return;
    offerFile(speech);
    await reading;
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
