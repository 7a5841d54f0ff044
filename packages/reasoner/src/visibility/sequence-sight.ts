import { IMAGE, isOfStage, isTag, isTold, isWords, NO_ROLE, ownerOf, PREFIX, type Role } from './roles';
import { maySee, type VisibilityTable } from './visibility-table';

/**
 * Which positions attend to which in one sequence that grows: positions are added with their roles, and whether one may look at another is
 * told by their roles and by what stood before.
 */
export class SequenceSight {
  readonly #table: VisibilityTable;
  /** As what a position looks, by position. */
  readonly #looking: Role[] = [];
  /** As what it is looked at. */
  readonly #shown: Role[] = [];
  /** The last stage that stood before the first position of a role's owner. */
  readonly #previous = new Map<Role, string | undefined>();
  /** What a role sees, as far as it was asked. */
  readonly #known = new Map<Role, Map<Role, boolean>>();
  /** Stages whose thoughts are made from words of their own. */
  readonly #fromWords = new Set<Role>();
  #lastStage: string | undefined;

  constructor(table: VisibilityTable) {
    this.#table = table;
  }

  get length(): number {
    return this.#looking.length;
  }

  /** The roles of all positions, as what they are looked at. */
  get roles(): readonly Role[] {
    return this.#shown;
  }

  add(role: Role): void {
    const owner = ownerOf(role);
    if (!this.#previous.has(owner)) this.#previous.set(owner, this.#lastStage);
    this.#looking.push(role);
    this.#shown.push(role);
    if (isWords(role)) {
      if (!this.#fromWords.has(owner)) this.#known.clear();
      this.#fromWords.add(owner);
    } else if (isOfStage(role) && !isTag(role) && !isTold(role)) this.#lastStage = role;
  }

  /** What a position turns out to be once what follows it is known; as what it looked stays. */
  turnsOut({ position, role }: { position: number; role: Role }): void {
    this.#shown[position] = role;
  }

  /** Whether a position may look at one before it, or at itself. */
  sees(position: number, key: number): boolean {
    return position === key || this.roleSees(this.#looking[position]!, this.#shown[key]!);
  }

  /** Whether a position may look at pictures that stand beside the sequence. */
  seesPictures(position: number): boolean {
    return this.roleSees(this.#looking[position]!, IMAGE);
  }

  /** Whether the positions of a role that the sequence has may look at those of another. */
  roleSees(role: Role, key: Role): boolean {
    let known = this.#known.get(role);
    if (known === undefined) this.#known.set(role, (known = new Map()));
    let answer = known.get(key);
    if (answer === undefined) known.set(key, (answer = this.#looks(role, key)));
    return answer;
  }

  #looks(role: Role, key: Role): boolean {
    if (role === NO_ROLE || key === NO_ROLE) return false;
    const owner = ownerOf(role);
    if (isTold(role)) return key === role || key === owner || key === PREFIX;
    if (isTold(key)) return false;
    if (owner === ownerOf(key)) return true;
    if (role === PREFIX) return false;
    if (key === PREFIX) return true;
    if (isWords(key) || this.#fromWords.has(owner)) return false;
    return maySee({ table: this.#table, role, key, previous: this.#previous.get(owner) });
  }
}
