package dev.berth.cri.cli;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import java.io.PrintWriter;
import java.util.Map;

/** Results for programs: an object a line. */
final class Json {
  private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();

  private Json() {}

  static void line(PrintWriter out, Map<String, ?> object) {
    out.println(GSON.toJson(object));
    out.flush();
  }
}
