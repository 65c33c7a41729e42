package dev.berth.runtime.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonParser;
import dev.berth.base.BerthException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RuntimeSpecTest {
  @Test
  void everyFieldOfTheSpecificationSurvivesReadingAndWriting() throws IOException {
    byte[] json = resource("every-field.json");

    RuntimeSpec spec = RuntimeSpec.parse(json);

    String expected = new String(json, StandardCharsets.UTF_8).replace(", \"flags\": []", "");
    String written = new String(spec.toJson(), StandardCharsets.UTF_8);
    assertThat(JsonParser.parseString(written)).isEqualTo(JsonParser.parseString(expected));
    assertThat(written).contains("echo <&>");
    assertThat(RuntimeSpec.parse(spec.toJson())).isEqualTo(spec);
  }

  @Test
  void buildersKeepEveryField() throws IOException {
    RuntimeSpec spec = RuntimeSpec.parse(resource("every-field.json"));
    RuntimeSpec rebuilt =
        spec.toBuilder()
            .process(spec.process().toBuilder().build())
            .linux(
                spec.linux().toBuilder()
                    .resources(
                        spec.linux().resources().toBuilder()
                            .memory(spec.linux().resources().memory().toBuilder().build())
                            .cpu(spec.linux().resources().cpu().toBuilder().build())
                            .build())
                    .build())
            .build();

    assertThat(rebuilt).isEqualTo(spec);
  }

  @Test
  void absentFieldsAreEmptyOrNullAndNotWritten() {
    RuntimeSpec spec = parse("{\"process\":{\"apparmorProfile\":\"\",\"args\":null}}");

    assertThat(spec.mounts()).isEmpty();
    assertThat(spec.annotations()).isEmpty();
    assertThat(spec.linux()).isNull();
    assertThat(spec.process().args()).isEmpty();
    assertThat(spec.process().apparmorProfile()).isNull();
    assertThat(spec.process().oomScoreAdj()).isNull();
    assertThat(spec.process().user()).isEqualTo(new User(0, 0));
    assertThat(new String(spec.toJson(), StandardCharsets.UTF_8))
        .doesNotContain("null")
        .doesNotContain("[]")
        .doesNotContain("linux");
  }

  @Test
  void unknownFieldsAreIgnored() {
    assertThat(parse("{\"ociVersion\":\"1.9.0\",\"vm\":{\"x\":[1,{}]}}").ociVersion())
        .isEqualTo("1.9.0");
  }

  @Test
  void unlimitedIsUnsigned() {
    Rlimit limit =
        parse(
                """
                {"process":{"rlimits":[{"type":"RLIMIT_CORE","hard":18446744073709551615,"soft":0}]}}
                """)
            .process()
            .rlimits()
            .getFirst();

    assertThat(limit.hard()).isEqualTo(-1L);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"linux\":{\"resources\":{\"memory\":{\"limit\":\"1\"}}}}"
            + "|config.json: linux.resources.memory.limit: expected a number",
        "{\"linux\":{\"resources\":{\"memory\":{\"limit\":1.5}}}}"
            + "|config.json: linux.resources.memory.limit: expected a whole number of 64 bits",
        "{\"process\":{\"oomScoreAdj\":3000000000}}"
            + "|config.json: process.oomScoreAdj: expected a whole number of 32 bits",
        "{\"process\":{\"args\":[\"a\",1]}}|config.json: process.args[1]: expected a text",
        "{\"process\":{\"args\":[\"a\",\"b\\u0000\"]}}"
            + "|config.json: process.args[1]: must not contain NUL",
        "{\"process\":{\"args\":[null]}}|config.json: process.args: must not contain null",
        "{\"process\":{\"args\":\"sh\"}}|config.json: process.args: expected a list",
        "{\"process\":{\"terminal\":\"yes\"}}"
            + "|config.json: process.terminal: expected true or false",
        "{\"process\":[]}|config.json: process: expected an object",
        "{\"mounts\":[{\"destination\":\"/a\"},7]}|config.json: mounts[1]: expected an object",
        "{\"annotations\":{\"a.b\":1}}|config.json: annotations.a.b: expected a text",
        "{\"process\":{\"rlimits\":[{\"hard\":-1}]}}"
            + "|config.json: process.rlimits[0].hard: expected a whole number from 0 to 18446744073709551615",
        "7|config.json: expected an object",
        "null|config.json: expected an object",
        "{}{}|config.json: not JSON at line 1 column 4",
        "{}1|config.json: not JSON at line 1 column 4",
        "{|config.json: the text ends too early",
      })
  void wrongTypesAreNamedByTheirPath(String json, String message) {
    assertThatThrownBy(() -> parse(json)).isInstanceOf(BerthException.class).hasMessage(message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {"``", "{", "{'process':{}}", "{\"a\":1 /* */}", "{\"a\":}", "[", "{\"a\":nul}"})
  void whatIsNotJsonIsRefused(String json) {
    assertThatThrownBy(() -> parse(json))
        .isInstanceOf(BerthException.class)
        .hasMessageStartingWith("config.json: ");
  }

  @Test
  void deepNestingIsRefused() {
    String deep = "{\"x\":" + "[".repeat(100_000) + "]".repeat(100_000) + "}";
    assertThatThrownBy(() -> parse(deep)).isInstanceOf(BerthException.class);
  }

  @Test
  void bytesThatAreNotTextAreRefused() {
    assertThatThrownBy(() -> RuntimeSpec.parse(new byte[] {'{', (byte) 0xff, '}'}))
        .hasMessage("config.json: not UTF-8");
  }

  @Test
  void destinationsAreCleaned() {
    assertThat(new Mount("a//b/../c/.", "tmpfs", "tmpfs", List.of()).target()).isEqualTo("/a/c");
    assertThat(new Mount("/../..", "tmpfs", "tmpfs", List.of()).target()).isEqualTo("/");
  }

  private static RuntimeSpec parse(String json) {
    return RuntimeSpec.parse(json.getBytes(StandardCharsets.UTF_8));
  }

  private static byte[] resource(String name) throws IOException {
    try (var in = RuntimeSpecTest.class.getResourceAsStream(name)) {
      return in.readAllBytes();
    }
  }
}
