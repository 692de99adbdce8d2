import Base
import Glibc
import Remotes
import TestSupport
import Testing

/// Where keys come from, in the order of AWS's own tools.
@Suite struct AWSCredentialTests {
    private let box: Sandbox

    init() throws {
        box = try Sandbox()
        try box.write(
            """
            [default]
            aws_access_key_id = DEFAULT
            aws_secret_access_key=default/secret   # a comment
            [team]
            aws_access_key_id = TEAM
            aws_secret_access_key = team-secret
            aws_session_token = team-token

            """, to: "home/.aws/credentials")
        try box.write(
            """
            [default]
            region = eu-central-1
            [profile team]
            region=ap-south-1
            services = local
            s3 =
                addressing_style = virtual
            [profile "by program"]
            credential_process = printf '{"Version":1,"AccessKeyId":"PROGRAM","SecretAccessKey":"x"}'
            [profile sso]
            sso_start_url = https://example.com
            [services local]
            s3 =
              endpoint_url = http://127.0.0.1:9

            """, to: "home/.aws/config")
    }

    private func settings(_ values: [String: String] = [:], _ environment: [String: String] = [:]) -> StorageSettings {
        StorageSettings(
            values: values,
            environment: ["HOME": box.root + "/home", "AWS_EC2_METADATA_DISABLED": "true"].merging(environment) { $1 })
    }

    private func find(_ values: [String: String] = [:], _ environment: [String: String] = [:]) throws -> AWSCredentials
    {
        let settings = settings(values, environment)
        return try AWSCredentialChain(
            settings: settings, profiles: AWSProfiles(environment: settings.environment), region: "us-east-1"
        ).current()
    }

    @Test func `environment, then profiles`() throws {
        let keys = ["AWS_ACCESS_KEY_ID": "ENV", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"]
        let own = try find([:], keys)
        #expect(own.keyID == "ENV" && own.token == "t")
        let usual = try find()
        #expect(usual.keyID == "DEFAULT" && usual.secret == "default/secret" && usual.token == nil)
        #expect(try find([:], ["AWS_PROFILE": "team"]).token == "team-token")
        // Who names a profile in the configuration means it.
        #expect(try find(["profile": "team"], keys).keyID == "TEAM")
        #expect(try find(["profile": "by program"]).keyID == "PROGRAM")
        #expect(
            try #require(throws: MLError.self) { try find(["profile": "sso"]) }.hints.first?.contains(
                "export-credentials") == true)
        #expect(
            try #require(throws: MLError.self) { try find(["profile": "tem"]) }.hints.first?.contains("team") == true)
        let half = try #require(throws: MLError.self) { try find([:], ["AWS_ACCESS_KEY_ID": "ENV"]) }
        #expect(half.message.contains("AWS_SECRET_ACCESS_KEY"))
        let none = try #require(throws: MLError.self) { try find([:], ["HOME": "/nowhere"]) }
        #expect(none.code == .failed && none.message == "there are no credentials for S3")
    }

    @Test func `endpoints, regions and styles`() throws {
        func base(_ url: String, _ values: [String: String] = [:], _ environment: [String: String] = [:]) throws
            -> String
        {
            let settings = settings(values, environment)
            return try S3Address(url: url, settings: settings, profiles: AWSProfiles(environment: settings.environment))
                .base()
        }
        #expect(try base("s3://bucket/a") == "https://bucket.s3.eu-central-1.amazonaws.com")
        #expect(try base("s3://dotted.bucket") == "https://s3.eu-central-1.amazonaws.com/dotted.bucket")
        #expect(try base("s3://bucket", ["region": "cn-north-1"]) == "https://bucket.s3.cn-north-1.amazonaws.com.cn")
        #expect(try base("s3://bucket", ["endpoint": "http://[::1]:9000/"]) == "http://[::1]:9000/bucket")
        #expect(
            try base("s3://bucket", ["endpoint": "https://x.example", "pathStyle": "false"])
                == "https://bucket.x.example")
        #expect(
            try base("s3://bucket", [:], ["AWS_ENDPOINT_URL": "http://e", "AWS_ENDPOINT_URL_S3": "http://s"])
                == "http://s/bucket")
        #expect(try base("s3://bucket", ["profile": "team"]) == "http://bucket.127.0.0.1:9")
        #expect(
            try base("s3://bucket", ["profile": "team"], ["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"])
                == "https://bucket.s3.ap-south-1.amazonaws.com")
        #expect(
            try base("s3://bucket", [:], ["AWS_REGION": "us-west-2"]) == "https://bucket.s3.us-west-2.amazonaws.com")
        for bad in ["s3://", "s3:///x", "s3://a b/c", "s3://me:secret@bucket/x", "s3://bucket/../x"] {
            #expect(throws: MLError.self) { try base(bad) }
        }
        #expect(throws: MLError.self) { try base("s3://bucket", ["endpoint": "localhost:9000"]) }
        #expect(try S3Storage(url: "s3://bucket//a//b/", settings: settings()).name == "s3://bucket/a/b")
    }

    /// A stand-in for AWS's metadata and token services (`Tests/Servers/aws_services.py`).
    private func services() throws -> LFSServer {
        try LFSServer(box, command: "exec python3 '\(Sandbox.package)/Tests/Servers/aws_services.py'")
    }

    @Test func `a container, an instance, a role`() throws {
        let server = try services()
        let nobody = ["HOME": "/nowhere"]
        let container = try find(
            [:],
            nobody.merging([
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url + "/container",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": "let-me-in",
            ]) { $1 })
        #expect(container.keyID == "CONTAINER" && container.token == "container-token" && container.expires != nil)
        #expect(throws: MLError.self) {
            try find([:], nobody.merging(["AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://example.com/x"]) { $1 })
        }
        let instance = try find(
            [:],
            nobody.merging(["AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url]) {
                $1
            })
        #expect(instance.keyID == "INSTANCE" && instance.source == "the instance's role 'my role'")
        try box.write("web-token\n", to: "token")
        let identity = [
            "AWS_ROLE_ARN": "arn:aws:iam::1:role/r", "AWS_WEB_IDENTITY_TOKEN_FILE": box.root + "/token",
            "AWS_ENDPOINT_URL_STS": server.url,
        ]
        #expect(try find([:], nobody.merging(identity) { $1 }).keyID == "WEB")
        try box.write(
            "[profile role]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = default\n", to: "home/.aws/config")
        let role = try find(["profile": "role"], ["AWS_ENDPOINT_URL_STS": server.url])
        #expect(role.keyID == "ROLE" && role.token == "of DEFAULT")
        try box.write("wrong\n", to: "token")
        let refused = try #require(throws: MLError.self) { try find([:], nobody.merging(identity) { $1 }) }
        #expect(refused.message.contains("InvalidIdentityToken") && !refused.message.contains("wrong"))
        #expect(try server.requests().contains { $0.hasPrefix("PUT /latest/api/token 200") })
    }
}
