package temporald

import (
	"net/url"
	"path/filepath"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/temporal"
)

// permissionsClaim is where Temporal's default claim mapper looks for them.
const permissionsClaim = "permissions"

// authorizations is what the configuration of a server says under
// global.authorization: nothing without keys, so that everybody may do everything.
func authorizations(k *Keys) (config.Authorization, error) {
	if k == nil {
		return config.Authorization{}, nil
	}
	file, err := filepath.Abs(filepath.Join(k.directory, setFile))
	if err != nil {
		return config.Authorization{}, err
	}
	return config.Authorization{
		JWTKeyProvider:       config.JWTKeyProvider{KeySourceURIs: []string{(&url.URL{Scheme: "file", Path: file}).String()}},
		PermissionsClaimName: permissionsClaim,
		Authorizer:           "default",
		ClaimMapper:          "default",
	}, nil
}

// authorizing makes of it what the server asks each caller.
func authorizing(c config.Authorization, l log.Logger) ([]temporal.ServerOption, error) {
	authorizer, err := authorization.GetAuthorizerFromConfig(&c)
	if err != nil {
		return nil, err
	}
	mapper, err := authorization.GetClaimMapperFromConfig(&c, l)
	if err != nil {
		return nil, err
	}
	return []temporal.ServerOption{
		temporal.WithAuthorizer(authorizer),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper { return mapper }),
	}, nil
}

// credentials are those with which Start looks whether the server serves; nil
// where it asks for none.
func (k *Keys) credentials() (client.Credentials, error) {
	if k == nil {
		return nil, nil
	}
	token, err := k.Token("bakeoff-dev", []string{"temporal-system:admin"}, time.Now().Add(startTimeout))
	if err != nil {
		return nil, err
	}
	return client.NewAPIKeyStaticCredentials(token), nil
}
