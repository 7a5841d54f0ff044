/** The made-up nouns and the people's names of ProntoQA (arXiv 2210.01240), as ProsQA's official files use them. */
export const madeUpNouns: readonly string[] =
  `bompus boompus brimpus chorpus dumpus felpus fompus gerpus gorpus grimpus gwompus hilpus impus jelpus jompus kerpus
  lempus lorpus numpus quimpus rempus rompus rorpus scrompus shumpus sterpus storpus terpus timpus tumpus vumpus worpus
  wumpus yerpus yimpus yumpus zhorpus zumpus`.split(/\s+/);

export const peopleNames: readonly string[] =
  'Alex Bob Carol Davis Eva Fae Gabriel Jack Max Oliver Polly Rex Sally Sam Stella Tom Wren'.split(' ');
