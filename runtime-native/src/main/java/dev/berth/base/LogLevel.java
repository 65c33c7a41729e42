package dev.berth.base;

/** How much a process logs. */
public enum LogLevel {
  ERROR,
  WARNING,
  INFO,
  DEBUG
}
