const vowels = new Set('aeiou');
const irregular = new Map(
  Object.entries({
    sky: 'sky',
    skies: 'sky',
    dying: 'die',
    lying: 'lie',
    tying: 'tie',
    news: 'news',
    innings: 'inning',
    inning: 'inning',
    outings: 'outing',
    outing: 'outing',
    cannings: 'canning',
    canning: 'canning',
    howe: 'howe',
    proceed: 'proceed',
    exceed: 'exceed',
    succeed: 'succeed',
  }),
);

type Rule = [suffix: string, replacement: string, condition?: (stem: string) => boolean];

/**
 * A word's stem by Porter's algorithm (Program 14.3, 1980) with the extensions that nltk's
 * `PorterStemmer` uses by default. The word is lower-cased.
 */
export function porterStem(word: string): string {
  let stem = word.toLowerCase();
  const known = irregular.get(stem);
  if (known !== undefined) return known;
  if (Array.from(word).length <= 2) return stem;
  stem = plural(stem);
  stem = pastAndParticiple(stem);
  stem = applyRules(stem, [['y', 'i', (rest) => rest.length > 1 && consonants(rest).at(-1) === true]]);
  stem = doubleSuffix(stem);
  stem = applyRules(stem, thirdRules);
  stem = applyRules(stem, fourthRules);
  stem = finalE(stem);
  const whole = stem;
  return applyRules(stem, [['ll', 'l', () => measure(whole.slice(0, -1)) > 1]]);
}

/** For each letter whether it is a consonant; a y is one unless it follows one. */
function consonants(word: string): boolean[] {
  const flags: boolean[] = [];
  for (let index = 0; index < word.length; index++) {
    const letter = word[index] as string;
    flags.push(vowels.has(letter) ? false : letter === 'y' && index > 0 ? flags[index - 1] !== true : true);
  }
  return flags;
}

/** The number m of vowel-consonant pairs in [C](VC)^m[V]. */
function measure(stem: string): number {
  const flags = consonants(stem);
  return flags.filter((consonant, index) => consonant && flags[index - 1] === false).length;
}

const positive = (stem: string) => measure(stem) > 0;
const aboveOne = (stem: string) => measure(stem) > 1;

function endsInDoubleConsonant(word: string): boolean {
  return word.length >= 2 && word.at(-1) === word.at(-2) && consonants(word).at(-1) === true;
}

/** Ends consonant, vowel, consonant other than w, x, y; or is a vowel and a consonant alone. */
function endsConsonantVowelConsonant(word: string): boolean {
  const flags = consonants(word);
  const [first, second, third] = flags.slice(-3);
  if (word.length >= 3)
    return first === true && second === false && third === true && !'wxy'.includes(word.at(-1) as string);
  return word.length === 2 && flags[0] === false && flags[1] === true;
}

/** The first rule whose suffix fits decides: its stem if the condition holds, else the word as it was. */
function applyRules(word: string, rules: Rule[]): string {
  for (const [suffix, replacement, condition] of rules) {
    const fits = suffix === '*double' ? endsInDoubleConsonant(word) : word.endsWith(suffix);
    if (!fits) continue;
    const stem = word.slice(0, word.length - (suffix === '*double' ? 2 : suffix.length));
    return condition === undefined || condition(stem) ? stem + replacement : word;
  }
  return word;
}

function plural(word: string): string {
  if (word.endsWith('ies') && word.length === 4) return word.slice(0, -1);
  return applyRules(word, [
    ['sses', 'ss'],
    ['ies', 'i'],
    ['ss', 'ss'],
    ['s', ''],
  ]);
}

function pastAndParticiple(word: string): string {
  if (word.endsWith('ied')) return word.length === 4 ? word.slice(0, -1) : word.slice(0, -2);
  if (word.endsWith('eed')) return positive(word.slice(0, -3)) ? word.slice(0, -1) : word;
  const suffix = ['ed', 'ing'].find(
    (ending) => word.endsWith(ending) && consonants(word.slice(0, -ending.length)).includes(false),
  );
  if (suffix === undefined) return word;
  const stem = word.slice(0, -suffix.length);
  const last = stem.at(-1) as string;
  return applyRules(stem, [
    ['at', 'ate'],
    ['bl', 'ble'],
    ['iz', 'ize'],
    ['*double', last, () => !'lsz'.includes(last)],
    ['', 'e', (rest) => measure(rest) === 1 && endsConsonantVowelConsonant(rest)],
  ]);
}

function doubleSuffix(word: string): string {
  if (word.endsWith('alli') && positive(word.slice(0, -4))) return doubleSuffix(word.slice(0, -2));
  return applyRules(word, [
    ['ational', 'ate', positive],
    ['tional', 'tion', positive],
    ['enci', 'ence', positive],
    ['anci', 'ance', positive],
    ['izer', 'ize', positive],
    ['bli', 'ble', positive],
    ['alli', 'al', positive],
    ['entli', 'ent', positive],
    ['eli', 'e', positive],
    ['ousli', 'ous', positive],
    ['ization', 'ize', positive],
    ['ation', 'ate', positive],
    ['ator', 'ate', positive],
    ['alism', 'al', positive],
    ['iveness', 'ive', positive],
    ['fulness', 'ful', positive],
    ['ousness', 'ous', positive],
    ['aliti', 'al', positive],
    ['iviti', 'ive', positive],
    ['biliti', 'ble', positive],
    ['fulli', 'ful', positive],
    // nltk measures the word without its last three letters here, not without the suffix.
    ['logi', 'log', () => positive(word.slice(0, -3))],
  ]);
}

const thirdRules: Rule[] = [
  ['icate', 'ic', positive],
  ['ative', '', positive],
  ['alize', 'al', positive],
  ['iciti', 'ic', positive],
  ['ical', 'ic', positive],
  ['ful', '', positive],
  ['ness', '', positive],
];

const fourthRules: Rule[] = [
  ...['al', 'ance', 'ence', 'er', 'ic', 'able', 'ible', 'ant', 'ement', 'ment', 'ent'].map((suffix): Rule => [
    suffix,
    '',
    aboveOne,
  ]),
  ['ion', '', (stem) => aboveOne(stem) && 'st'.includes(stem.at(-1) as string)],
  ...['ou', 'ism', 'ate', 'iti', 'ous', 'ive', 'ize'].map((suffix): Rule => [suffix, '', aboveOne]),
];

function finalE(word: string): string {
  if (!word.endsWith('e')) return word;
  const stem = word.slice(0, -1);
  const size = measure(stem);
  return size > 1 || (size === 1 && !endsConsonantVowelConsonant(stem)) ? stem : word;
}
