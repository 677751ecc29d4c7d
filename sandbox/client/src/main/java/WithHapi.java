import static java.nio.charset.StandardCharsets.UTF_8;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.rest.client.api.IGenericClient;
import ca.uhn.fhir.rest.client.interceptor.BearerTokenAuthInterceptor;
import ca.uhn.fhir.rest.gclient.TokenClientParam;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.util.JSONObjectUtils;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;
import org.hl7.fhir.r4.model.Bundle;
import org.hl7.fhir.r4.model.CodeType;
import org.hl7.fhir.r4.model.Communication;
import org.hl7.fhir.r4.model.Parameters;
import org.hl7.fhir.r4.model.Resource;
import org.hl7.fhir.r4.model.StringType;
import org.hl7.fhir.r4.model.Task;

/** A trust that sends and a team that receives, with HAPI FHIR's generic client. */
public final class WithHapi {
  private static final FhirContext R4 = FhirContext.forR4();
  private static final HttpClient HTTP = HttpClient.newHttpClient();
  private static final String ODS = "https://fhir.nhs.uk/Id/ods-organization-code";

  /** Returns a token for five minutes; ask for another one before it ends. */
  static String accessToken(String base, String clientId, Path keyFile, String scope)
      throws Exception {
    String found = get(base + "/.well-known/smart-configuration");
    String tokenUrl = JSONObjectUtils.parse(found).get("token_endpoint").toString();
    ECKey key = ECKey.parse(Files.readString(keyFile));
    JWTClaimsSet claims =
        new JWTClaimsSet.Builder()
            .issuer(clientId)
            .subject(clientId)
            .audience(tokenUrl)
            .expirationTime(new Date(System.currentTimeMillis() + 240_000))
            .jwtID(UUID.randomUUID().toString())
            .build();
    JWSHeader header =
        new JWSHeader.Builder(JWSAlgorithm.ES384)
            .keyID(key.getKeyID())
            .type(JOSEObjectType.JWT)
            .build();
    SignedJWT assertion = new SignedJWT(header, claims);
    assertion.sign(new ECDSASigner(key));
    String answer =
        post(
            tokenUrl,
            Map.of(
                "grant_type", "client_credentials",
                "scope", scope,
                "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "client_assertion", assertion.serialize()));
    return JSONObjectUtils.parse(answer).get("access_token").toString();
  }

  static IGenericClient connected(String base, String token) {
    IGenericClient client = R4.newRestfulGenericClient(base + "/fhir");
    client.registerInterceptor(new BearerTokenAuthInterceptor(token));
    return client;
  }

  /** Sends a transaction; returns where its resources are. */
  static List<String> send(IGenericClient trust, Bundle bundle) {
    Bundle answer = trust.transaction().withBundle(bundle).execute();
    return answer.getEntry().stream().map(entry -> entry.getResponse().getLocation()).toList();
  }

  /**
   * Returns what is new, page by page, and remembers in a file where to go on.
   *
   * <p>There is always a next link: an empty page is the end for now.
   */
  static List<Communication> receive(IGenericClient team, String ods, Path place)
      throws Exception {
    List<Communication> found = new ArrayList<>();
    Bundle page = Files.exists(place) ? kept(team, place) : first(team, ods);
    while (page.hasEntry()) {
      for (Bundle.BundleEntryComponent entry : page.getEntry()) {
        Communication communication = (Communication) entry.getResource();
        acknowledge(team, communication);
        found.add(communication);
      }
      Files.writeString(place, page.getLink("next").getUrl());
      page = team.loadPage().next(page).execute();
    }
    return found;
  }

  private static Bundle first(IGenericClient team, String ods) {
    return team.search()
        .forResource(Communication.class)
        .where(new TokenClientParam("recipient:identifier").exactly().systemAndCode(ODS, ods))
        .count(20)
        .returnBundle(Bundle.class)
        .execute();
  }

  private static Bundle kept(IGenericClient team, Path place) throws Exception {
    return team.loadPage()
        .byUrl(Files.readString(place))
        .andReturnBundle(Bundle.class)
        .execute();
  }

  /** Says that it has arrived; the same however often it is said. */
  static void acknowledge(IGenericClient team, Communication communication) {
    answer(team, communication, new Parameters());
  }

  /** Answers for the team, once somebody has read it. */
  static Task accept(IGenericClient team, Communication communication, String practitioner) {
    Parameters said = new Parameters();
    said.addParameter("status", new CodeType("accepted"));
    said.addParameter("practitioner", new StringType(practitioner));
    return (Task) answer(team, communication, said);
  }

  private static Resource answer(
      IGenericClient team, Communication communication, Parameters said) {
    Parameters answer =
        team.operation()
            .onInstance(communication.getIdElement().toUnqualifiedVersionless())
            .named("$acknowledge")
            .withParameters(said)
            .execute();
    return answer.getParameterFirstRep().getResource();
  }

  private static String get(String url) throws Exception {
    return sent(HttpRequest.newBuilder(URI.create(url)).GET().build());
  }

  private static String post(String url, Map<String, String> form) throws Exception {
    String body =
        form.entrySet().stream()
            .map(one -> one.getKey() + "=" + URLEncoder.encode(one.getValue(), UTF_8))
            .collect(Collectors.joining("&"));
    return sent(
        HttpRequest.newBuilder(URI.create(url))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build());
  }

  private static String sent(HttpRequest request) throws Exception {
    HttpResponse<String> answer = HTTP.send(request, HttpResponse.BodyHandlers.ofString());
    if (answer.statusCode() != 200) {
      throw new IllegalStateException(answer.statusCode() + ": " + answer.body());
    }
    return answer.body();
  }

  public static void main(String[] given) throws Exception {
    String base = given[0];
    Path trustKey = Path.of(given[1]);
    Path teamKey = Path.of(given[2]);
    String bundle = Files.readString(Path.of(given[3]));
    String wide = "system/*.cruds";
    IGenericClient trust = connected(base, accessToken(base, "kings", trustKey, wide));
    String narrow = "system/*.rs system/Task.u";
    IGenericClient team = connected(base, accessToken(base, "hospice", teamKey, narrow));
    List<String> sent = send(trust, R4.newJsonParser().parseResource(Bundle.class, bundle));
    System.out.println("sent " + String.join(" ", sent));
    for (Communication communication : receive(team, "8HX03", Path.of(given[4]))) {
      Task task = accept(team, communication, "Sister A. Example");
      String state = task.getBusinessStatus().getCodingFirstRep().getCode();
      System.out.println("accepted " + communication.getIdElement().getIdPart() + " " + state);
    }
  }
}
