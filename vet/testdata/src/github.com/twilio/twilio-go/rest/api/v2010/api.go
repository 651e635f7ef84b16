// Package openapi has the shape of the library.
package openapi

type ApiService struct{}

type CreateMessageParams struct{}

type CreateCallParams struct{}

func (c *ApiService) CreateMessage(params *CreateMessageParams) (any, error) { return nil, nil }

func (c *ApiService) CreateCall(params *CreateCallParams) (any, error) { return nil, nil }
