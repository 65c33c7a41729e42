package dev.berth.runtime.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SyscallTableTest {
  private static final Pattern DEFINITION =
      Pattern.compile("#define __NR_(\\w+) (?:\\(__X32_SYSCALL_BIT \\+ )?(\\d+)\\)?");

  @ParameterizedTest
  @CsvSource({
    "amd64, x86_64-linux-gnu,  unistd_64.h",
    "x86,   x86_64-linux-gnu,  unistd_32.h",
    "x32,   x86_64-linux-gnu,  unistd_x32.h",
  })
  void numbersAreThoseOfTheKernelHeaders(String column, String machine, String header)
      throws IOException {
    Path file = Path.of("/usr/include", machine, "asm", header);
    assumeTrue(Files.exists(file), "kernel headers are installed");
    SyscallTable table = SyscallTable.load(column);
    Map<String, Integer> expected = new TreeMap<>();
    Map<String, Integer> actual = new TreeMap<>();
    DEFINITION
        .matcher(Files.readString(file, StandardCharsets.US_ASCII))
        .results()
        .forEach((MatchResult line) -> {
          expected.put(line.group(1), Integer.valueOf(line.group(2)));
          actual.put(line.group(1), table.find(line.group(1)).orElse(-1));
        });
    assertThat(expected).hasSizeGreaterThan(300);
    assertThat(actual).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource({
    "amd64, rt_sigaction, 13", "x32, rt_sigaction, 512", "x86, rt_sigaction, 174",
    "arm64, rt_sigaction, 134", "arm, rt_sigaction, 174", "arm, set_tls, 983045",
    "arm64, listns, 470", "arm, open_tree_attr, 467",
  })
  void callsHaveANumberOnEachAbi(String column, String name, int number) {
    assertThat(SyscallTable.load(column).number(name)).isEqualTo(number);
  }

  @Test
  void callsThatAnAbiLacksAreEmpty() {
    assertThat(SyscallTable.load("arm64").find("open")).isEmpty();
    assertThat(SyscallTable.load("amd64").find("set_tls")).isEmpty();
  }
}
