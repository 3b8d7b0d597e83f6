package temporald

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// The files of an authorization directory. Who reads the first can be anybody.
const (
	keyFile = "signing-key.pem" // the private key that signs tokens
	setFile = "jwks.json"       // its public half, which the server reads
)

// Keys signs the tokens that a server with an AuthDirectory takes.
type Keys struct {
	directory string
	private   *ecdsa.PrivateKey
	public    jose.JSONWebKey
}

// ReadKeys reads the keys of an authorization directory. Where there are none the
// error is fs.ErrNotExist.
func ReadKeys(directory string) (*Keys, error) {
	file := filepath.Join(directory, keyFile)
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the signing key: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("read the signing key: %s is not PEM", file)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read the signing key %s: %w", file, err)
	}
	private, ok := key.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P256() {
		return nil, fmt.Errorf("read the signing key %s: not an ECDSA key over P-256", file)
	}
	return newKeys(directory, private)
}

// openKeys reads the keys of a directory, or makes both where there are none. The
// set of public keys is written anew each time.
func openKeys(directory string) (*Keys, error) {
	k, err := ReadKeys(directory)
	if errors.Is(err, fs.ErrNotExist) {
		k, err = createKeys(directory)
	}
	if err != nil {
		return nil, err
	}
	set, err := json.MarshalIndent(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{k.public}}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the public key: %w", err)
	}
	if err := os.WriteFile(filepath.Join(directory, setFile), append(set, '\n'), 0o600); err != nil {
		return nil, fmt.Errorf("write the public key: %w", err)
	}
	return k, nil
}

func createKeys(directory string) (*Keys, error) {
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return nil, fmt.Errorf("make a signing key: %w", err)
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a signing key: %w", err)
	}
	bytes, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("make a signing key: %w", err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: bytes})
	if err := os.WriteFile(filepath.Join(directory, keyFile), text, 0o600); err != nil {
		return nil, fmt.Errorf("keep the signing key: %w", err)
	}
	return newKeys(directory, private)
}

// newKeys names the key by its thumbprint: tokens say which key they are from.
func newKeys(directory string, private *ecdsa.PrivateKey) (*Keys, error) {
	public := jose.JSONWebKey{Key: private.Public(), Algorithm: string(jose.ES256), Use: "sig"}
	thumb, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("name the signing key: %w", err)
	}
	public.KeyID = base64.RawURLEncoding.EncodeToString(thumb)
	return &Keys{directory: directory, private: private, public: public}, nil
}

// Token is a JWT for Temporal's default claim mapper: who it is for, what they may
// do, each as "namespace:read", ":write" or ":admin", and until when.
func (k *Keys) Token(subject string, permissions []string, until time.Time) (string, error) {
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: k.private, KeyID: k.public.KeyID}},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	token, err := jwt.Signed(signer).
		Claims(jwt.Claims{Subject: subject, Expiry: jwt.NewNumericDate(until)}).
		Claims(map[string]any{permissionsClaim: permissions}).Serialize()
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return token, nil
}
