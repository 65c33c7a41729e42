package dev.berth.sandbox.spec;

import static dev.berth.base.BerthException.Kind.RESOURCE_EXHAUSTED;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.berth.base.BerthException;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * The users and groups that an image knows: its /etc/passwd and /etc/group.
 *
 * <p>Both come from an image and are hostile until shown otherwise: sizes, lines and entries are
 * bounded (rule R10), a line that is not well formed is passed over, and a number outside the range
 * of ids never counts as one (rule R22).
 */
public record AccountFiles(List<PasswdEntry> users, List<GroupEntry> groups) {
  /** An image without either file. */
  public static final AccountFiles NONE = new AccountFiles(List.of(), List.of());

  static final int MAX_FILE_BYTES = 1 << 20;
  private static final int MAX_ENTRIES = 65_536;
  private static final int MAX_LINE_CHARS = 65_536;

  public AccountFiles {
    users = List.copyOf(users);
    groups = List.copyOf(groups);
  }

  /** A line of /etc/passwd. */
  record PasswdEntry(String name, long uid, long gid, String home) {
    static Optional<PasswdEntry> parse(String line) {
      List<String> fields = fields(line);
      if (fields.size() < 6) {
        return Optional.empty();
      }
      Optional<Long> uid = UserIds.parse(fields.get(2));
      Optional<Long> gid = UserIds.parse(fields.get(3));
      return uid.flatMap(u -> gid.map(g -> new PasswdEntry(fields.get(0), u, g, fields.get(5))));
    }
  }

  /** A line of /etc/group. */
  record GroupEntry(String name, long gid, List<String> members) {
    static Optional<GroupEntry> parse(String line) {
      List<String> fields = fields(line);
      if (fields.size() < 4) {
        return Optional.empty();
      }
      return UserIds.parse(fields.get(2))
          .map(gid -> new GroupEntry(fields.get(0), gid, split(fields.get(3), ',')));
    }
  }

  /**
   * Reads both files.
   *
   * @param passwd content of /etc/passwd; an empty stream where there is none
   * @param group content of /etc/group; an empty stream where there is none
   * @throws BerthException RESOURCE_EXHAUSTED if a file is longer than 1 MiB
   */
  public static AccountFiles read(InputStream passwd, InputStream group) throws IOException {
    List<PasswdEntry> users = new ArrayList<>();
    for (String line : lines("/etc/passwd", passwd)) {
      PasswdEntry.parse(line).ifPresent(users::add);
    }
    List<GroupEntry> groups = new ArrayList<>();
    for (String line : lines("/etc/group", group)) {
      GroupEntry.parse(line).ifPresent(groups::add);
    }
    return new AccountFiles(users, groups);
  }

  Optional<PasswdEntry> user(Predicate<PasswdEntry> wanted) {
    return users.stream().filter(wanted).findFirst();
  }

  Optional<GroupEntry> group(String name) {
    return groups.stream().filter(group -> group.name().equals(name)).findFirst();
  }

  /** Returns the groups that name the user as a member. */
  List<Long> memberships(String user) {
    return groups.stream()
        .filter(group -> group.members().contains(user))
        .map(GroupEntry::gid)
        .toList();
  }

  private static List<String> lines(String name, InputStream in) throws IOException {
    byte[] bytes = in.readNBytes(MAX_FILE_BYTES + 1);
    if (bytes.length > MAX_FILE_BYTES) {
      throw new BerthException(
          RESOURCE_EXHAUSTED, name + " of the image is longer than " + MAX_FILE_BYTES + " bytes");
    }
    return new String(bytes, UTF_8)
        .lines()
        .filter(line -> line.length() <= MAX_LINE_CHARS && !line.startsWith("#"))
        .limit(MAX_ENTRIES)
        .toList();
  }

  private static List<String> fields(String line) {
    return split(line, ':');
  }

  /** Splits at every separator, keeping empty fields; nothing is a pattern here. */
  private static List<String> split(String text, char separator) {
    List<String> parts = new ArrayList<>();
    int from = 0;
    for (int at = text.indexOf(separator); at >= 0; at = text.indexOf(separator, from)) {
      parts.add(text.substring(from, at));
      from = at + 1;
    }
    parts.add(text.substring(from));
    return parts;
  }
}
