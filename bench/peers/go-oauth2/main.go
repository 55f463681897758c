// What golang.org/x/oauth2 costs, used as its documentation shows: Config.Exchange, then a TokenSource that is shared, and the token
// in a file, since the package keeps none.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

var input = bufio.NewReader(os.Stdin)

// ask prints a line for whoever started this, and reads the line that answers it.
func ask(line string) string {
	fmt.Println(line)
	answer, err := input.ReadString('\n')
	if err != nil {
		log.Fatal(err)
	}
	return strings.TrimSpace(answer)
}

func config(issuer string) *oauth2.Config {
	return &oauth2.Config{
		ClientID:    "demo",
		RedirectURL: "http://127.0.0.1/callback/work-sso",
		Scopes:      []string{"openid", "email", "offline_access"},
		Endpoint: oauth2.Endpoint{
			AuthURL:   issuer + "/authorize",
			TokenURL:  issuer + "/token",
			AuthStyle: oauth2.AuthStyleInParams,
		},
	}
}

func login(config *oauth2.Config) *oauth2.Token {
	verifier := oauth2.GenerateVerifier()
	redirect := ask(config.AuthCodeURL("state-of-this-login", oauth2.S256ChallengeOption(verifier)))
	address, err := url.Parse(redirect)
	if err != nil {
		log.Fatal(err)
	}
	code := address.Query().Get("code")
	token, err := config.Exchange(context.Background(), code, oauth2.VerifierOption(verifier))
	if err != nil {
		log.Fatal(err)
	}
	return token
}

func main() {
	scenario, issuer, file := os.Args[1], os.Args[2], os.Args[3]
	config := config(issuer)
	switch scenario {
	case "login":
		login(config)
		ask("# count /token")
		token := login(config)
		text, err := json.Marshal(token)
		if err != nil {
			log.Fatal(err)
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			log.Fatal(err)
		}
		fmt.Println(`result {}`)
	case "cached":
		times, _ := strconv.Atoi(os.Args[5])
		source := config.TokenSource(context.Background(), stored(file))
		begun := time.Now()
		for i := 0; i < times; i++ {
			if _, err := source.Token(); err != nil {
				log.Fatal(err)
			}
		}
		fmt.Printf("result {\"nanoseconds\":%f}\n", float64(time.Since(begun).Nanoseconds())/float64(times))
	case "race":
		callers, _ := strconv.Atoi(os.Args[5])
		source := config.TokenSource(context.Background(), stored(file))
		ask("# ready now")
		var done sync.WaitGroup
		var lock sync.Mutex
		failed := 0
		for i := 0; i < callers; i++ {
			done.Add(1)
			go func() {
				defer done.Done()
				if _, err := source.Token(); err != nil {
					lock.Lock()
					failed++
					lock.Unlock()
				}
			}()
		}
		done.Wait()
		fmt.Printf("result {\"failed\":%d}\n", failed)
	}
}

func stored(file string) *oauth2.Token {
	text, err := os.ReadFile(file)
	if err != nil {
		log.Fatal(err)
	}
	token := new(oauth2.Token)
	if err := json.Unmarshal(text, token); err != nil {
		log.Fatal(err)
	}
	return token
}
