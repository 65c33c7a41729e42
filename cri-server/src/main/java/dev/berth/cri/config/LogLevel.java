package dev.berth.cri.config;

/** How much {@code berthd} logs. */
public enum LogLevel {
  ERROR,
  WARNING,
  INFO,
  DEBUG
}
