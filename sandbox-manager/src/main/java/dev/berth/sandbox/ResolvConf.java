package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.proto.cri.v1.DNSConfig;
import java.util.List;

/** Writes resolv.conf(5): one keyword a line, values without blanks (rule R9). */
final class ResolvConf {
  private ResolvConf() {}

  /**
   * Returns the file for a DNS configuration; empty for an empty one.
   *
   * @throws BerthException INVALID_ARGUMENT for a value that would read back as something else
   */
  static String of(DNSConfig dns) {
    StringBuilder text = new StringBuilder();
    if (dns.getSearchesCount() > 0) {
      text.append(line("search", "dns_config.searches", dns.getSearchesList()));
    }
    for (String server : dns.getServersList()) {
      text.append(line("nameserver", "dns_config.servers", List.of(server)));
    }
    if (dns.getOptionsCount() > 0) {
      text.append(line("options", "dns_config.options", dns.getOptionsList()));
    }
    return text.toString();
  }

  private static String line(String keyword, String field, List<String> values) {
    values.forEach(value -> requireWord(field, value));
    return keyword + " " + String.join(" ", values) + "\n";
  }

  private static void requireWord(String field, String value) {
    boolean plain = !value.isEmpty() && value.chars().allMatch(c -> c > ' ' && c < 0x7F);
    if (!plain || value.startsWith("#") || value.startsWith(";")) {
      throw new BerthException(
          INVALID_ARGUMENT, field + ": \"" + Ids.printable(value) + "\" is not one word");
    }
  }
}
