import Base

/// Finds credentials for AWS and what speaks its protocols, in the order of AWS's own tools: environment, web identity,
/// profile (role, keys, program), container, instance.
///
/// Source: AWS SDKs and Tools Reference Guide, "Standardized credential providers".
package final class AWSCredentialChain: @unchecked Sendable {
    private let environment: [String: String]
    package let profiles: AWSProfiles
    /// The profile that is used.
    package let profile: String
    /// Whether the profile was named in the configuration, which counts more than keys in the environment.
    private let isProfileExplicit: Bool
    private let region: String
    private let mutex = Mutex()
    private var known: AWSCredentials?

    /// - Parameter region: for the token service.
    package init(settings: StorageSettings, profiles: AWSProfiles, region: String) {
        environment = settings.environment
        self.profiles = profiles
        profile = AWSCredentialChain.profile(settings)
        isProfileExplicit = settings["profile"] != nil
        self.region = region
    }

    package static func profile(_ settings: StorageSettings) -> String {
        settings["profile"] ?? settings.environment["AWS_PROFILE"] ?? settings.environment["AWS_DEFAULT_PROFILE"]
            ?? "default"
    }

    /// Credentials that are good for some minutes.
    ///
    /// - Throws: `MLError(.failed)` when there are none, with the places that were looked at.
    package func current() throws -> AWSCredentials {
        try mutex.withLock {
            if let known, known.isFresh(at: .now()) { return known }
            let found = try find()
            known = found
            Trace.note("credentials for S3: \(found.source)")
            return found
        }
    }

    /// Forgets credentials that a server calls expired.
    ///
    /// - Returns: whether asking again may bring others.
    package func renew(_ refused: AWSCredentials) -> Bool {
        mutex.withLock {
            if known == refused { known = nil }
            return refused.token != nil && refused.expires != nil
        }
    }

    private func find() throws -> AWSCredentials {
        if !isProfileExplicit {
            if let found = try fromEnvironment() { return found }
            if let found = try webIdentity(
                role: environment["AWS_ROLE_ARN"], file: environment["AWS_WEB_IDENTITY_TOKEN_FILE"],
                session: environment["AWS_ROLE_SESSION_NAME"])
            {
                return found
            }
        }
        if let found = try fromProfile(profile, visited: []) { return found }
        if isProfileExplicit || environment["AWS_PROFILE"] != nil, profiles[profile] == nil {
            throw MLError(
                .failed, "there is no profile '\(profile)' in ~/.aws",
                hints: NearestName.hints(profile, in: profiles.names) + [
                    "'aws configure --profile \(profile)' makes it"
                ])
        }
        if let found = try AWSMetadata(environment).container() { return found }
        if let found = AWSMetadata(environment).instance() { return found }
        throw MLError(
            .failed, "there are no credentials for S3",
            hints: [
                "put keys into ~/.aws/credentials ('aws configure'), or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
                "another profile: 'git mldata remote set NAME profile PROFILE'",
                "a public bucket: 'git mldata remote set NAME anonymous true'",
            ])
    }

    private func fromEnvironment() throws -> AWSCredentials? {
        guard let keyID = environment["AWS_ACCESS_KEY_ID"] ?? environment["AWS_ACCESS_KEY"], !keyID.isEmpty else {
            return nil
        }
        guard let secret = environment["AWS_SECRET_ACCESS_KEY"] ?? environment["AWS_SECRET_KEY"], !secret.isEmpty else {
            throw MLError(.failed, "AWS_ACCESS_KEY_ID is set, but not AWS_SECRET_ACCESS_KEY", hint: "set both")
        }
        let token = environment["AWS_SESSION_TOKEN"] ?? environment["AWS_SECURITY_TOKEN"]
        return AWSCredentials(
            keyID: keyID, secret: secret, token: token.flatMap { $0.isEmpty ? nil : $0 }, source: "the environment")
    }

    private func fromProfile(_ name: String, visited: Set<String>) throws -> AWSCredentials? {
        guard let values = profiles[name] else { return nil }
        let source = "profile '\(name)' in ~/.aws"
        if let role = values["role_arn"] {
            if let found = try webIdentity(
                role: role, file: values["web_identity_token_file"], session: values["role_session_name"])
            {
                return found
            }
            // A profile may name itself as source when it has keys too.
            if !visited.contains(name), let base = try roleSource(name, values, visited: visited.union([name])) {
                let service = AWSTokenService(region: values["region"] ?? region, endpoint: tokenEndpoint(name))
                return try service.assume(
                    role: role, session: values["role_session_name"], externalID: values["external_id"],
                    seconds: values["duration_seconds"], with: base, source: "role '\(role)' of \(source)")
            }
        }
        if let keyID = values["aws_access_key_id"], let secret = values["aws_secret_access_key"] {
            return AWSCredentials(keyID: keyID, secret: secret, token: values["aws_session_token"], source: source)
        }
        if let command = values["credential_process"] { return try program(command, source) }
        if values["sso_session"] ?? values["sso_start_url"] != nil {
            throw MLError(
                .failed, "profile '\(name)' signs in through a browser, which git-ml cannot",
                hint:
                    "let aws hand the keys over: 'eval \"$(aws configure export-credentials --profile \(name) --format env)\"'"
            )
        }
        return nil
    }

    private func roleSource(_ name: String, _ values: [String: String], visited: Set<String>) throws -> AWSCredentials?
    {
        if let source = values["source_profile"] {
            guard let found = try fromProfile(source, visited: visited) else {
                throw MLError(
                    .failed, "profile '\(name)' takes its keys from profile '\(source)', which has none",
                    hint: "'aws configure --profile \(source)'")
            }
            return found
        }
        switch values["credential_source"] {
        case "Environment": return try fromEnvironment()
        case "EcsContainer": return try AWSMetadata(environment).container()
        case "Ec2InstanceMetadata": return AWSMetadata(environment).instance()
        default: return nil
        }
    }

    private func webIdentity(role: String?, file: String?, session: String?) throws -> AWSCredentials? {
        guard let role, let file else { return nil }
        guard let token = try? Files.readText(file) else {
            throw MLError(.failed, "cannot read the web identity token in '\(file)'")
        }
        return try AWSTokenService(region: region, endpoint: tokenEndpoint(profile)).assume(
            role: role, session: session, webIdentity: token.filter { !$0.isNewline },
            source: "web identity of role '\(role)'")
    }

    private func tokenEndpoint(_ profile: String) -> String? {
        environment["AWS_ENDPOINT_URL_STS"] ?? environment["AWS_ENDPOINT_URL"]
            ?? profiles.endpoint(profile, service: "sts")
    }

    /// A program that the user's own configuration names; its answer is JSON.
    private func program(_ command: String, _ source: String) throws -> AWSCredentials {
        let answer = try Subprocess(["/bin/sh", "-c", command], input: []).run()
        guard answer.status == 0, let json = try? JSON(parsing: answer.output), json["Version"]?.intValue == 1,
            let found = AWSCredentials(json: json, source: "the program of " + source)
        else { throw MLError(.failed, "the credential program of \(source) failed (exit \(answer.status))") }
        return found
    }
}
