package dev.berth.runtime.task;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A container log in the form the kubelet reads; fails on any line that is not of it. */
record CriLog(List<Line> lines) {
  private static final Pattern LINE =
      Pattern.compile(
          "(\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{9}Z) (stdout|stderr) ([PF]) (.*)",
          Pattern.DOTALL);

  record Line(String stamp, String stream, boolean full, String content) {}

  static CriLog read(Path... files) throws IOException {
    List<Line> lines = new ArrayList<>();
    for (Path file : files) {
      String text = Files.readString(file, StandardCharsets.ISO_8859_1);
      if (!text.isEmpty() && !text.endsWith("\n")) {
        throw new AssertionError("torn last line in " + file);
      }
      for (String line : text.split("\n", -1)) {
        if (!line.isEmpty()) {
          lines.add(parse(line));
        }
      }
    }
    return new CriLog(lines);
  }

  private static Line parse(String text) {
    Matcher matcher = LINE.matcher(text);
    if (!matcher.matches()) {
      throw new AssertionError("not a log line: " + text);
    }
    return new Line(
        matcher.group(1), matcher.group(2), matcher.group(3).equals("F"), matcher.group(4));
  }

  /** What was written, pieces joined. */
  String content() {
    StringBuilder out = new StringBuilder();
    for (Line line : lines) {
      out.append(line.content()).append(line.full() ? "\n" : "");
    }
    return out.toString();
  }
}
