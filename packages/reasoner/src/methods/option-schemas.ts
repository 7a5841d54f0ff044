import { z } from 'zod';

/** The most thoughts before an answer, thinking tokens a stage, or tokens taken away, that a method may be asked for. */
export const MOST_THOUGHTS = 4096;

/** A whole number from 1. */
export const count = z.number().int().positive().max(MOST_THOUGHTS);
export const positive = z.number().positive();
export const share = z.number().min(0).max(1);
