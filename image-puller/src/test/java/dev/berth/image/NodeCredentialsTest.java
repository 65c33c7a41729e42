package dev.berth.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.image.registry.Credentials;
import dev.berth.image.registry.Patience;
import dev.berth.image.registry.RegistrySettings;
import dev.berth.image.testing.HostileRegistry;
import dev.berth.image.testing.TestImage;
import dev.berth.testing.Await;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Docker's config.json stands in for pulls without credentials, for its own hosts only. */
class NodeCredentialsTest extends HostileRegistryFixture {
  private static final String BASIC = "Basic YmVydGg6c2VjcmV0"; // berth:secret

  private final TestImage image = big();

  @Override
  RegistrySettings settings() {
    return new RegistrySettings(
        dir.resolve("hosts"),
        Optional.of(dir.resolve("config.json")),
        Map.of("PATH", "relative:" + dir.resolve("bin") + ":/usr/bin:/bin"),
        new Patience(Duration.ofSeconds(1), LIMIT, LIMIT, 1024, 2));
  }

  @BeforeEach
  void serve() {
    registry.serve("team/app", "v1", image);
    registry.on(
        "/v2/team/app/manifests/v1",
        exchange -> {
          boolean known =
              Objects.equals(exchange.getRequestHeaders().getFirst("Authorization"), BASIC);
          exchange.getResponseHeaders().set("WWW-Authenticate", "Basic realm=\"test\"");
          HostileRegistry.send(exchange, known ? 200 : 401, known ? image.manifest() : new byte[0]);
        });
  }

  private void config(String text) throws IOException {
    Files.writeString(
        dir.resolve("config.json"), text.replace('\'', '"').replace("HOST", registry.host()));
  }

  private void helper(String name, String script) throws IOException {
    Path program = Files.createDirectories(dir.resolve("bin")).resolve("docker-credential-" + name);
    Files.writeString(program, "#!/bin/sh\n" + script);
    assertThat(program.toFile().setExecutable(true)).isTrue();
  }

  private void assertFailsWith(String message) {
    assertFails("team/app:v1", BerthException.Kind.FAILED_PRECONDITION)
        .hasMessageContaining(message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{'auths': {'HOST': {'auth': 'YmVydGg6c2VjcmV0'}}}",
        "{'auths': {'https://HOST/v1/': {'username': 'berth', 'password': 'secret'}}}",
        "{'auths': {'HOST': {'auth': 'eDp5'}, 'HOST/team': {'auth': 'YmVydGg6c2VjcmV0'},"
            + " 'HOST/tea': {'auth': 'eDp5'}, 'HOST/team/app/x': {'auth': 'eDp5'}}}",
      })
  void whatTheFileHasForAHostIsUsed(String text) throws IOException {
    assertFailsWith("status 401"); // no such file
    config(text);
    assertThat(pull("team/app:v1").layers()).hasSize(2);
  }

  @Test
  void whatIsForOthersStays() throws IOException {
    config("{'auths': {'other.test': {'auth': 'YmVydGg6c2VjcmV0'}, 'xHOST': {'auth': 'eDp5'}}}");
    assertFailsWith("status 401");
    assertThat(registry.requests()).allMatch(request -> request.authorization() == null);
  }

  @Test
  void aCallersOwnCredentialsComeFirst() throws IOException {
    config("{'auths': {'HOST': {'auth': 'YmVydGg6c2VjcmV0'}}}");
    assertThatThrownBy(() ->
            pull(
                "team/app:v1",
                Credentials.basic("someone", "else"),
                Operation.internal("PullImage")))
        .hasMessageContaining("status 401");
  }

  @Test
  void helpersAreAskedOverTheirStandardInput() throws IOException {
    helper(
        "one",
        """
        [ "$1" = get ] && [ "$(cat)" = "%s" ] || exit 3
        echo '{"ServerURL": "x", "Username": "berth", "Secret": "secret"}'
        """
            .formatted(registry.host()));
    config("{'credHelpers': {'HOST': 'one'}, 'credsStore': 'none'}");
    assertThat(pull("team/app:v1").layers()).hasSize(2);
    images.remove(registry.host() + "/team/app:v1", Operation.internal("RemoveImage"));
    config("{'credsStore': 'one'}");
    assertThat(pull("team/app:v1").layers()).hasSize(2);
  }

  @Test
  void aStoreThatKnowsNothingLeavesItToTheFile() throws IOException {
    helper("empty", "echo 'credentials not found in native keychain'; exit 1");
    config("{'credsStore': 'empty', 'auths': {'HOST': {'auth': 'YmVydGg6c2VjcmV0'}}}");
    assertThat(pull("team/app:v1").layers()).hasSize(2);
  }

  @Test
  void aHelperThatFailsIsNamed() throws IOException {
    config("{'credsStore': 'absent'}");
    assertFailsWith("config.json: credential helper docker-credential-absent is not in PATH");
    helper("bad", "echo 'the vault is sealed'; exit 2");
    config("{'credsStore': 'bad'}");
    assertFailsWith("docker-credential-bad exited with 2: the vault is sealed");
    helper("mute", "exit 0");
    config("{'credsStore': 'mute'}");
    assertFailsWith("docker-credential-mute does not answer with a JSON object");
    config("{'credsStore': '../../bin/sh'}");
    assertFailsWith("\"../../bin/sh\" is not the name of a helper");
    helper("huge", "yes 'a long line that never ends' || exit 5");
    config("{'credsStore': 'huge'}");
    assertFailsWith("docker-credential-huge ");
  }

  @Test
  void aHelperThatHangsIsKilledWithItsChildren() throws IOException {
    helper("slow", "sleep 98765 & echo $! > '%s'; wait\n".formatted(dir.resolve("pid")));
    config("{'credsStore': 'slow'}");
    assertFailsWith("docker-credential-slow did not end within 1000 ms and was killed");
    long child = Long.parseLong(Files.readString(dir.resolve("pid")).strip());
    Await.until(
        "its child is gone",
        LIMIT,
        () -> ProcessHandle.of(child).filter(ProcessHandle::isAlive).isEmpty());
  }

  @Test
  void aBrokenFileIsNamed() throws IOException {
    for (String text : new String[] {"", "[1]", "{'auths': 3}", "{'auths': {'HOST': 3}}"}) {
      config(text);
      assertFailsWith("config.json: not a Docker configuration");
    }
    config("{'auths': {'HOST': {'auth': '%%%'}}}");
    assertFails("team/app:v1", BerthException.Kind.INVALID_ARGUMENT)
        .hasMessageContaining("config.json: auth.auth is not base64");
  }
}
