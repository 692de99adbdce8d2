import Base

/// What differs between the services that speak S3's protocol in their own words.
package struct S3Dialect: Sendable {
    /// Of URLs, without `://`.
    var scheme: String
    /// What users call it.
    var title: String
    /// How the service's own headers begin.
    var header: String
    /// The service in a signature's scope.
    var service: String
    var signature: SigV4.Dialect
    /// Whether the body's hash is signed.
    var signsPayload: Bool
    /// Makes an object only when there is none.
    var condition: (name: String, value: String)
    /// Whether a SHA-256 goes along as checksum; MD5 otherwise.
    var hasSHA256: Bool
    /// What an account needs to be allowed.
    var rights: String
    /// How a bucket is made.
    var creation: String

    static let amazon = S3Dialect(
        scheme: "s3", title: "S3", header: "x-amz-", service: "s3", signature: .aws, signsPayload: true,
        condition: ("If-None-Match", "*"), hasSHA256: true,
        rights: "s3:ListBucket on the bucket; s3:GetObject, s3:PutObject, s3:DeleteObject on its objects",
        creation: "aws s3 mb s3://")

    /// Aliyun Object Storage Service.
    static let aliyun = S3Dialect(
        scheme: "oss", title: "OSS", header: "x-oss-", service: "oss", signature: .aliyun, signsPayload: false,
        condition: ("x-oss-forbid-overwrite", "true"), hasSHA256: false,
        rights: "oss:ListObjects on the bucket; oss:GetObject, oss:PutObject, oss:DeleteObject on its objects",
        creation: "ossutil mb oss://")

    /// The headers with which a body's hash goes along.
    func checksum(_ body: HTTPBody, _ digest: ObjectID) throws -> [(name: String, value: String)] {
        hasSHA256
            ? [(name: header + "checksum-sha256", value: Base64.encode(digest.bytes))]
            : [(name: "Content-MD5", value: Base64.encode(Hex.decode(try body.md5()) ?? []))]
    }
}

/// Where the keys of requests come from.
protocol S3Keys: Sendable {
    /// Keys that are good for some minutes.
    func current() throws -> AWSCredentials
    /// Forgets keys that a server calls expired; says whether asking again may bring others.
    func renew(_ refused: AWSCredentials) -> Bool
}

extension AWSCredentialChain: S3Keys {}
