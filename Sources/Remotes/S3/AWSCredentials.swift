import Base

/// Who asks: the keys that a request is signed with.
package struct AWSCredentials: Hashable, Sendable {
    package var keyID: String
    package var secret: String
    /// Of temporary credentials.
    package var token: String?
    /// Until when they are good; nil without an end.
    package var expires: Timestamp?
    /// Where they were found, for messages.
    package var source: String

    /// Whether they are good for another five minutes.
    package func isFresh(at now: Timestamp) -> Bool { expires.map { $0.seconds > now.seconds + 300 } ?? true }

    /// What a metadata service or a credential program answers.
    package init?(json: JSON, source: String) {
        guard let keyID = json["AccessKeyId"]?.stringValue, let secret = json["SecretAccessKey"]?.stringValue else {
            return nil
        }
        self.init(
            keyID: keyID, secret: secret, token: json["Token"]?.stringValue ?? json["SessionToken"]?.stringValue,
            expires: json["Expiration"]?.stringValue.flatMap { Timestamp(lenient: $0) }, source: source)
    }

    /// The element `Credentials` of an answer of the token service.
    package init?(xml: XMLElement, source: String) {
        guard let keyID = xml["AccessKeyId"]?.text, let secret = xml["SecretAccessKey"]?.text else { return nil }
        self.init(
            keyID: keyID, secret: secret, token: xml["SessionToken"]?.text,
            expires: xml["Expiration"].flatMap { Timestamp(lenient: $0.text) }, source: source)
    }

    package init(keyID: String, secret: String, token: String?, expires: Timestamp? = nil, source: String) {
        self.keyID = keyID
        self.secret = secret
        self.token = token
        self.expires = expires
        self.source = source
    }
}

extension Timestamp {
    /// RFC 3339 in UTC, with or without parts of a second and with `+00:00` for `Z`.
    init?(lenient text: String) {
        var text = text.hasSuffix("+00:00") ? String(text.dropLast(6)) + "Z" : text
        if let dot = text.firstIndex(of: ".") { text = String(text[..<dot]) + "Z" }
        self.init(rfc3339: text)
    }
}
