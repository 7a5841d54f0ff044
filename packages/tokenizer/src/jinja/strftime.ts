import { fault } from './values';

const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

/** Formats a date like C's strftime, in English and local time. */
export function strftime(date: Date, format: string): string {
  const hour12 = date.getHours() % 12 === 0 ? 12 : date.getHours() % 12;
  const yearDay =
    Math.round(
      (Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) - Date.UTC(date.getFullYear(), 0, 1)) / 86_400_000,
    ) + 1;
  const codes: Readonly<Record<string, [value: string | number, width?: number]>> = {
    Y: [date.getFullYear(), 4],
    y: [date.getFullYear() % 100, 2],
    m: [date.getMonth() + 1, 2],
    d: [date.getDate(), 2],
    e: [String(date.getDate()).padStart(2, ' ')],
    H: [date.getHours(), 2],
    I: [hour12, 2],
    M: [date.getMinutes(), 2],
    S: [date.getSeconds(), 2],
    f: [date.getMilliseconds() * 1000, 6],
    j: [yearDay, 3],
    p: [date.getHours() < 12 ? 'AM' : 'PM'],
    B: [months[date.getMonth()]!],
    b: [months[date.getMonth()]!.slice(0, 3)],
    h: [months[date.getMonth()]!.slice(0, 3)],
    A: [days[date.getDay()]!],
    a: [days[date.getDay()]!.slice(0, 3)],
    w: [date.getDay()],
    u: [date.getDay() === 0 ? 7 : date.getDay()],
    s: [Math.floor(date.getTime() / 1000)],
    Z: [''],
    z: [''],
    n: ['\n'],
    t: ['\t'],
    '%': ['%'],
  };
  const whole: Readonly<Record<string, string>> = {
    F: '%Y-%m-%d',
    T: '%H:%M:%S',
    D: '%m/%d/%y',
    R: '%H:%M',
    c: '%a %b %e %H:%M:%S %Y',
    x: '%m/%d/%y',
    X: '%H:%M:%S',
  };
  return format
    .replace(/%([FTDRcxX])/g, (_, letter: string) => whole[letter]!)
    .replace(/%(-?)([a-zA-Z%])/g, (directive, dash: string, letter: string) => {
      const code = Object.hasOwn(codes, letter) ? codes[letter]! : undefined;
      if (code === undefined) throw fault(`the date format ${directive} is not followed here`);
      const [value, width] = code;
      return dash === '-' ? String(value).trim() : String(value).padStart(width ?? 0, '0');
    });
}
