import Base
import Remotes
import Testing

/// Signatures against the published examples: "Examples: signature calculations in AWS Signature Version 4" of the Amazon S3 API
/// Reference, and `get-vanilla` of the AWS Signature Version 4 test suite.
@Suite struct SigV4Tests {
    private let signer = SigV4(
        keyID: "AKIAIOSFODNN7EXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", region: "us-east-1",
        service: "s3")
    private let time = Timestamp(rfc3339: "2013-05-24T00:00:00Z")!
    private let empty = ObjectID.of("").hex

    private func signature(
        _ method: String, _ path: String, _ query: [(String, String)] = [],
        _ extra: [(name: String, value: String)] = [],
        payload: String? = nil
    ) -> String {
        let payload = payload ?? empty
        let text = signer.authorization(
            method: method, path: path, query: SigV4.query(query),
            headers: [
                (name: "Host", value: "examplebucket.s3.amazonaws.com"), (name: "x-amz-date", value: time.basicFormat),
                (name: "x-amz-content-sha256", value: payload),
            ] + extra, payload: payload, time: time)
        return String(text.suffix(64))
    }

    @Test func `the examples of the S3 reference`() {
        #expect(
            signature("GET", "/test.txt", [], [(name: "Range", value: "bytes=0-9")])
                == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")
        #expect(
            signature(
                "PUT", "/test%24file.text", [],
                [
                    (name: "Date", value: "Fri, 24 May 2013 00:00:00 GMT"),
                    (name: "x-amz-storage-class", value: "REDUCED_REDUNDANCY"),
                ], payload: ObjectID.of("Welcome to Amazon S3.").hex)
                == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")
        #expect(
            signature("GET", "/", [("lifecycle", "")])
                == "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543")
        #expect(
            signature("GET", "/", [("prefix", "J"), ("max-keys", "2")])
                == "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")
    }

    @Test func `the suite's plain request`() {
        let other = SigV4(
            keyID: "AKIDEXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", region: "us-east-1",
            service: "service")
        let text = other.authorization(
            method: "GET", path: "/", query: "",
            headers: [
                (name: "X-Amz-Date", value: "20150830T123600Z"), (name: "Host", value: "example.amazonaws.com"),
            ], payload: empty, time: Timestamp(rfc3339: "2015-08-30T12:36:00Z")!)
        #expect(
            text
                == "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
                + "SignedHeaders=host;x-amz-date, "
                + "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")
    }

    @Test func `queries have one spelling`() {
        #expect(SigV4.query([("uploads", ""), ("a b", "x/ü"), ("a", "+=")]) == "a=%2B%3D&a%20b=x%2F%C3%BC&uploads=")
        #expect(PercentEncoding.decode("a+b%2Bc%C3%BC%2", plus: true) == "a b+cü%2")
        #expect(PercentEncoding.decode("a+b%+1") == "a+b%+1")
    }

    @Test func `dates of HTTP`() {
        let date = Timestamp(rfc3339: "1994-11-06T08:49:37Z")!
        #expect(date.httpDate == "Sun, 06 Nov 1994 08:49:37 GMT" && Timestamp(httpDate: date.httpDate) == date)
        #expect(Timestamp(httpDate: "Sunday, 06-Nov-94 08:49:37 GMT") == nil && date.basicFormat == "19941106T084937Z")
    }

    @Test func `answers in XML`() throws {
        let text = """
            \u{FEFF}<?xml version="1.0"?><!-- c --><a:List xmlns:a="x>y"><Key>p/a &amp; b&#x308;&#10;&lt;</Key><Key/>\
            <D:Key xmlns:D="DAV:"><![CDATA[<raw> &amp;]]></D:Key></a:List>
            """
        let list = try XMLElement(parsing: Array(text.utf8))
        #expect(list.name == "List")
        #expect(list.all("Key").map(\.text) == ["p/a & b\u{308}\n<", "", "<raw> &amp;"])
        for bad in [
            "", "x", "<a>", "<a></b>", "<a/><b/>", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "<a", "</a>", "<>",
        ] {
            #expect(throws: MLError.self) { try XMLElement(parsing: Array(bad.utf8)) }
        }
        #expect(throws: MLError.self) { try XMLElement(parsing: Array(String(repeating: "<a>", count: 100).utf8)) }
    }
}
